//! Keys of any type.
use super::*;
pub(super) const TABLE: &[Row] = &[];
