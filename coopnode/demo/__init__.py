"""A cooperative to try the program on: forty people, two months of work, matters in every state.

`place` is its data directory, `cast` who they are, `papers` what they write, `office` how they sign, `story`
what happens day by day; `making` puts it together. Everything goes the way of a real node: statements signed
with keys of their own on a clock that is moved, private records in the vault, read models filled by commits.

Whoever opens `/demo` of a running demo becomes one of these people (`web.demo`). That door exists only where
`place.load` finds a demo: `demo = true` in `coopnode.toml` and the list of people that only `making` writes.
"""
