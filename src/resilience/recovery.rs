//! Recovery: what follows from which failure.

use crate::config::refuse;
use crate::error::ConfigError;
use crate::manager::Severity;
use std::fmt;

/// What failed, and how badly: [`Manager::classify`](crate::Manager::classify) says the latter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// [`create`](crate::Manager::create) or [`warm`](crate::Manager::warm).
    Create(Severity),
    /// [`check`](crate::Manager::check).
    Check(Severity),
    /// A use, by its holder's report: [`Checkout::on_error`](crate::Checkout::on_error).
    Use(Severity),
}

impl FailureKind {
    /// Every kind.
    pub const ALL: [FailureKind; 9] = {
        use FailureKind::{Check, Create, Use};
        use Severity::{Fatal, Permanent, Transient};
        [
            Create(Transient),
            Create(Permanent),
            Create(Fatal),
            Check(Transient),
            Check(Permanent),
            Check(Fatal),
            Use(Transient),
            Use(Permanent),
            Use(Fatal),
        ]
    };

    /// What the setting is called that says what follows from it.
    fn setting(self) -> &'static str {
        const NAMES: [&str; FailureKind::ALL.len()] = [
            "recovery.create.transient",
            "recovery.create.permanent",
            "recovery.create.fatal",
            "recovery.check.transient",
            "recovery.check.permanent",
            "recovery.check.fatal",
            "recovery.use.transient",
            "recovery.use.permanent",
            "recovery.use.fatal",
        ];
        NAMES[self.place()]
    }

    fn place(self) -> usize {
        match self {
            FailureKind::Create(severity) => severity as usize,
            FailureKind::Check(severity) => 3 + severity as usize,
            FailureKind::Use(severity) => 6 + severity as usize,
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FailureKind::Create(severity) => write!(f, "a {severity} failure to create"),
            FailureKind::Check(severity) => write!(f, "a {severity} failure of a check"),
            FailureKind::Use(severity) => write!(f, "a {severity} failure in use"),
        }
    }
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Recovery {
    /// A creation is tried again as [`Backoff`](crate::Backoff) says. A resource stays in service: the failure is counted among
    /// its errors, and nothing else.
    Retry,
    /// Everyone who waits is told at once. For creations.
    Refuse,
    /// After [`degrade_after`](crate::Builder::degrade_after) of them in a row the resource is lent as a last resort only,
    /// until a check passes; after [`remove_after`](crate::Builder::remove_after) it is destroyed.
    Degrade,
    /// The resource is destroyed: one in use, at its return. Another is made if it is needed.
    Remove,
    /// The resource is replaced: lent as a last resort only until its successor is ready, and destroyed then.
    Replace,
    /// The pool closes, with the error as the cause in [`Closed`](crate::Closed).
    Stop,
}

/// What follows from each kind of failure. See [`Builder::recovery`](crate::Builder::recovery).
///
/// | | create | check | use |
/// |---|---|---|---|
/// | transient | retry | degrade | degrade |
/// | permanent | refuse | remove | remove |
/// | fatal | stop | stop | stop |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryTable([Recovery; FailureKind::ALL.len()]);

impl Default for RecoveryTable {
    fn default() -> Self {
        use Recovery::{Degrade, Refuse, Remove, Retry, Stop};
        Self([Retry, Refuse, Stop, Degrade, Remove, Stop, Degrade, Remove, Stop])
    }
}

impl RecoveryTable {
    /// What follows from `kind`.
    pub fn of(&self, kind: FailureKind) -> Recovery {
        self.0[kind.place()]
    }

    /// Has `recovery` follow from `kind`.
    pub fn set(&mut self, kind: FailureKind, recovery: Recovery) {
        self.0[kind.place()] = recovery;
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        for kind in FailureKind::ALL {
            let recovery = self.of(kind);
            let (fits, rule) = match kind {
                FailureKind::Create(_) => (
                    matches!(recovery, Recovery::Retry | Recovery::Refuse | Recovery::Stop),
                    "there is no resource yet; allowed are Retry, Refuse and Stop",
                ),
                FailureKind::Check(_) | FailureKind::Use(_) => (
                    recovery != Recovery::Refuse,
                    "nobody waits for this resource; allowed are Retry, Degrade, Remove, Replace and Stop",
                ),
            };
            if !fits {
                return refuse(kind.setting(), recovery, rule.to_owned());
            }
        }
        Ok(())
    }
}
