//! Owned reply values.
