//! One HTTP visit to a page.
