"""Options of verbs that have many, with their help; the verbs are in `commands`.

The types of single values are in `option_types`, the suggestions about wrong ones in `suggestions`.
"""
