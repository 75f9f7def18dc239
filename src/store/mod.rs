//! The store: SQLite and evidence files behind one writer.
