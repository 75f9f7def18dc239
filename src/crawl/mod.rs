//! Link checking: extraction, politeness, verdicts about links.
