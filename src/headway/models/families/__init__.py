"""The families: each a spec function, a table of sizes and, where others publish weights, a key table."""
