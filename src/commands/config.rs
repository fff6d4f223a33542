//! Placeholder of the family's file.
use super::*;
pub(super) const TABLE: &[Row] = &[];
