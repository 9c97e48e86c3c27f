use std::fmt;

/// A rule of the schema that a statement would have broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// What sort of rule.
    pub kind: ConstraintKind,
    /// The columns (`users.email`, or `lines.cart_id, lines.sku_id`) of a unique or not-null rule, the name of a
    /// check; empty for a foreign key, which SQLite does not name.
    pub on: String,
}

/// The sorts of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintKind {
    /// `unique` or `primary key`.
    Unique,
    /// `check`.
    Check,
    /// `references`.
    ForeignKey,
    /// `not null`.
    NotNull,
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ConstraintKind::Unique => "unique",
            ConstraintKind::Check => "check",
            ConstraintKind::ForeignKey => "foreign key",
            ConstraintKind::NotNull => "not null",
        };
        write!(f, "{kind} constraint {}", self.on)
    }
}
