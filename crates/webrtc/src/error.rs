//! What can be wrong with what a peer gave us.

use std::fmt;

/// The offer cannot be answered; the text says why, in words fit for an error reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadOffer(pub String);

impl BadOffer {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for BadOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadOffer {}
