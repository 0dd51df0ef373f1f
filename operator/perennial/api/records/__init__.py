"""The JSON files that trainer, server and operator hand to each other through object storage.

One module a file format. They are pydantic models because they cross a border; no I/O happens here.
Every model ignores fields it does not know, so that an older reader survives a newer writer.
"""
