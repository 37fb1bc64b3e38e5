//! Who may do what: roles, operations, and who stands behind an action.

use serde::{Deserialize, Serialize};

/// What a person or a token is here for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the installation.
    Admin,
    /// Runs the loop: judges issues, assigns tasks, accepts results.
    VocOwner,
    /// Receives tasks of one department.
    DepartmentOwner,
    /// Reads everything and corrects labels.
    Analyst,
    /// Sends feedback and installs plugins.
    Integrator,
    /// Reads figures.
    Viewer,
}

impl Role {
    /// Every role, in the order of the permission table.
    pub const ALL: [Self; 6] = [
        Self::Admin,
        Self::VocOwner,
        Self::DepartmentOwner,
        Self::Analyst,
        Self::Integrator,
        Self::Viewer,
    ];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::VocOwner => "voc_owner",
            Self::DepartmentOwner => "department_owner",
            Self::Analyst => "analyst",
            Self::Integrator => "integrator",
            Self::Viewer => "viewer",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == name)
    }
}

/// What can be allowed or not. One operation covers calls that always go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Send feedback and ratings, import files.
    SendFeedback,
    /// Read single voices.
    ReadFeedback,
    /// Correct labels.
    CorrectLabels,
    /// Read figures, issues, topics, knowledge.
    ReadLoop,
    /// Change topics, departments, channels, detectors.
    ManageOrganisation,
    /// Turn issues into tasks, reassign, cancel, evaluate, publish.
    RunLoop,
    /// Do a task: accept, decline, report, complete.
    DoTask,
    /// Read tasks.
    ReadTasks,
    /// Read what was or will be sent.
    ReadOutbox,
    /// See plugins.
    ReadPlugins,
    /// Install plugins and set them up.
    ManagePlugins,
    /// Decide what plugins may do.
    GrantPlugins,
    /// See and change users and tokens.
    ManageAccess,
    /// Ask who one is, log out.
    UseSession,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 14] = [
        Self::SendFeedback,
        Self::ReadFeedback,
        Self::CorrectLabels,
        Self::ReadLoop,
        Self::ManageOrganisation,
        Self::RunLoop,
        Self::DoTask,
        Self::ReadTasks,
        Self::ReadOutbox,
        Self::ReadPlugins,
        Self::ManagePlugins,
        Self::GrantPlugins,
        Self::ManageAccess,
        Self::UseSession,
    ];

    /// The stable name, also the name of a token's scope.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendFeedback => "send_feedback",
            Self::ReadFeedback => "read_feedback",
            Self::CorrectLabels => "correct_labels",
            Self::ReadLoop => "read_loop",
            Self::ManageOrganisation => "manage_organisation",
            Self::RunLoop => "run_loop",
            Self::DoTask => "do_task",
            Self::ReadTasks => "read_tasks",
            Self::ReadOutbox => "read_outbox",
            Self::ReadPlugins => "read_plugins",
            Self::ManagePlugins => "manage_plugins",
            Self::GrantPlugins => "grant_plugins",
            Self::ManageAccess => "manage_access",
            Self::UseSession => "use_session",
        }
    }

    /// The operation of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.as_str() == name)
    }
}

/// Whether `role` may do `operation`. Department owners are further bound to their department.
#[must_use]
pub fn allows(role: Role, operation: Operation) -> bool {
    use Operation as O;
    match role {
        Role::Admin => true,
        Role::VocOwner => !matches!(
            operation,
            O::ManageAccess | O::ManagePlugins | O::GrantPlugins
        ),
        Role::DepartmentOwner => {
            matches!(
                operation,
                O::ReadLoop | O::DoTask | O::ReadTasks | O::UseSession
            )
        }
        Role::Analyst => matches!(
            operation,
            O::ReadFeedback
                | O::CorrectLabels
                | O::ReadLoop
                | O::ReadTasks
                | O::ReadPlugins
                | O::UseSession
        ),
        Role::Integrator => matches!(
            operation,
            O::SendFeedback | O::ReadLoop | O::ReadPlugins | O::ManagePlugins | O::UseSession
        ),
        Role::Viewer => matches!(operation, O::ReadLoop | O::ReadTasks | O::UseSession),
    }
}

/// What kind of actor stands behind an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// Somebody with an account, or an API token.
    User,
    /// An owner who acted through an action link.
    Owner,
    /// Bihuan itself.
    System,
    /// A plugin.
    Plugin,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// Name for the timeline.
    pub name: String,
    /// Address where answers go; tokens and the system have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `console`, `api`, `link`, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub via: String,
}

impl Actor {
    /// Bihuan itself.
    #[must_use]
    pub fn system() -> Self {
        Self {
            kind: ActorKind::System,
            name: "Bihuan".to_owned(),
            email: None,
            via: String::new(),
        }
    }
}

/// Why a password is refused at the time it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer than 10 characters.
    #[error("a password needs at least 10 characters")]
    TooShort,
    /// More than 200 characters: hashing is work.
    #[error("a password has at most 200 characters")]
    TooLong,
    /// Among the first that an attacker tries.
    #[error("this password is among the most common ones")]
    Common,
}

/// Checks a new password: length, not composition (NIST SP 800-63B section 5.1.1.2).
pub fn check_password(password: &str, email: &str) -> Result<(), WeakPassword> {
    let length = password.chars().count();
    if length < 10 {
        return Err(WeakPassword::TooShort);
    }
    if length > 200 {
        return Err(WeakPassword::TooLong);
    }
    let lower = password.to_lowercase();
    let common = [
        "1234567890",
        "0123456789",
        "password12",
        "password123",
        "qwertyuiop",
        "1111111111",
        "a123456789",
    ];
    let mut characters: Vec<char> = lower.chars().collect();
    characters.dedup();
    if common.contains(&lower.as_str()) || characters.len() < 3 || lower == email.to_lowercase() {
        return Err(WeakPassword::Common);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_permission_table_is_what_we_decided() {
        let mut table = String::new();
        for operation in Operation::ALL {
            table.push_str(&format!("{:<20}", operation.as_str()));
            for role in Role::ALL {
                table.push_str(if allows(role, operation) { " x" } else { " ." });
            }
            table.push('\n');
        }
        //                    admin voc dep analyst integrator viewer
        let expected = "\
send_feedback        x x . . x .
read_feedback        x x . x . .
correct_labels       x x . x . .
read_loop            x x x x x x
manage_organisation  x x . . . .
run_loop             x x . . . .
do_task              x x x . . .
read_tasks           x x x x . x
read_outbox          x x . . . .
read_plugins         x x . x x .
manage_plugins       x . . . x .
grant_plugins        x . . . . .
manage_access        x . . . . .
use_session          x x x x x x
";
        assert_eq!(table, expected);
    }

    #[test]
    fn names_round_trip() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        for operation in Operation::ALL {
            assert_eq!(Operation::parse(operation.as_str()), Some(operation));
        }
    }

    #[test]
    fn common_passwords_are_refused() {
        assert_eq!(check_password("short", ""), Err(WeakPassword::TooShort));
        assert_eq!(
            check_password("aaaaaaaaaaaa", ""),
            Err(WeakPassword::Common)
        );
        assert_eq!(check_password("Password123", ""), Err(WeakPassword::Common));
        assert_eq!(check_password("correct horse battery", ""), Ok(()));
    }
}
