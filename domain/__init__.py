"""Words that every room shares: identifiers, units, array records, stored records, errors.

Nothing in here does more than check its own shape; behaviour lives in the rooms above.
"""
