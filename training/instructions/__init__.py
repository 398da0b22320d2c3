"""Instruction data by rule: dialogues made of the captions, steps, labels and questions of the shared data.

`generate` is the program, `record` the shape it writes, `corpus` what it reads; one module per kind of dialogue. The rules,
the counts and what a reading of 200 of them found: docs/instruction-data.md.
"""
