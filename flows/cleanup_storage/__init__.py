"""`cleanup`: remove what nobody refers to any more, after saying what that is."""
