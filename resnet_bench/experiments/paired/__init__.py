"""Workers that live side by side and take turns: where every ratio we claim comes from.

`turns.py` has one side, `interleaver.py` lets any number of them take turns, `duet.py` two, `ceilings.py` three.
`contest.py` and `bottleneck.py` say what turns mean, `ab.py` and `noise.py` are whole commands.
"""
