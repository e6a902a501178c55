#!/usr/bin/env bash
# Fail a CI job if a commit is slower than its base:  compare_commits.sh BASE NEW [options of bench-cli run]
#
# Runs both commits in work trees of their own, then compares the records; exit code 9 if NEW is slower by more than 3 % at
# 95 % confidence, 10 if the records are not comparable. BENCH is the command of the environment that both share. Runs that
# follow each other differ by 10 % and more on shared machines: use a quiet machine, or several processes.
set -euo pipefail

base=$1 new=$2
shift 2
bench=${BENCH:-bench-cli}
folder=$(mktemp -d)
trap 'git worktree remove --force "$folder/base"; git worktree remove --force "$folder/new"; rm -rf "$folder"' EXIT

measure() { # a name, a commit, options
    git worktree add --quiet --detach "$folder/$1" "$2"
    (cd "$folder/$1" && PYTHONPATH=$PWD $bench run --output "$folder/runs-$1" "${@:3}")
}

measure base "$base" "$@"
measure new "$new" "$@"
$bench compare "$folder/runs-base" "$folder/runs-new" --fail-if-slower 3% --format markdown
