//! When things run: what is due, who runs it, which mail is tried when.
