//! Sub-tasks: parts of a task that other departments deliver. The task above closes last.

use super::{Command, Refused, Task};
use crate::ids::TaskId;

/// Most sub-tasks right below a task.
pub const MOST_CHILDREN: usize = 20;
/// Levels below the task that is verified.
pub const MOST_DEPTH: u8 = 2;

/// Whether the sub-tasks right below a task let a command happen.
///
/// # Errors
///
/// [`Refused::OpenSubTasks`] for what would close the task before them.
pub fn check(task: &Task, children: &[Task], command: &Command) -> Result<(), Refused> {
    let limit = |code, detail: String| {
        Err(Refused::Field {
            field: "sub_tasks",
            code,
            detail,
        })
    };
    match command {
        Command::Complete { .. } | Command::Submit { .. } | Command::Approve { .. } => {
            let open: Vec<String> = children
                .iter()
                .filter(|t| t.state.is_open())
                .map(|t| t.title.clone())
                .collect();
            if open.is_empty() {
                Ok(())
            } else {
                Err(Refused::OpenSubTasks { titles: open })
            }
        }
        Command::Split { .. } if task.depth >= MOST_DEPTH => limit(
            "too_deep",
            format!("at most {MOST_DEPTH} levels below a task"),
        ),
        Command::Split { .. } if children.len() >= MOST_CHILDREN => {
            limit("too_many", format!("at most {MOST_CHILDREN} below a task"))
        }
        _ => Ok(()),
    }
}

/// The sub-tasks that a task which is not open any more takes with it.
#[must_use]
pub fn orphans(task: &Task, children: &[Task]) -> Vec<TaskId> {
    children
        .iter()
        .filter(|child| !task.state.is_open() && child.state.is_open())
        .map(|child| child.id)
        .collect()
}

/// The sub-task of a task: judged with it, never by itself.
#[must_use]
pub fn below(parent: &Task, child: Task) -> Task {
    Task {
        parent: Some(parent.id),
        depth: parent.depth + 1,
        ..child
    }
}
