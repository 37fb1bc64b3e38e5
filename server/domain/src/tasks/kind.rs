//! What sort of improvement a task is, and how its progress is told.

use super::Refused;
use crate::clock::Timestamp;
use serde::{Deserialize, Serialize};

/// Most items of a checklist.
pub const MOST_ITEMS: usize = 50;
/// Most people of a group that is trained.
pub const MOST_PEOPLE: u32 = 1_000_000;

/// The sort of an improvement.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ImprovementKind))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Product or user interface.
    ProductChange,
    /// How work is done.
    Process,
    /// What agents say.
    ScriptTemplate,
    /// What people can do.
    Training,
    /// What is allowed, promised or charged.
    Policy,
    /// An article that misleads or is missing.
    KbRewrite,
    /// A film.
    Video,
    /// Who is there when.
    Staffing,
    /// None of these.
    #[default]
    Other,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::ProductChange,
        Self::Process,
        Self::ScriptTemplate,
        Self::Training,
        Self::Policy,
        Self::KbRewrite,
        Self::Video,
        Self::Staffing,
        Self::Other,
    ];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProductChange => "product_change",
            Self::Process => "process",
            Self::ScriptTemplate => "script_template",
            Self::Training => "training",
            Self::Policy => "policy",
            Self::KbRewrite => "kb_rewrite",
            Self::Video => "video",
            Self::Staffing => "staffing",
            Self::Other => "other",
        }
    }

    /// For people.
    #[must_use]
    pub fn title(self) -> crate::organisation::Bilingual {
        let (zh, en) = match self {
            Self::ProductChange => ("产品/界面改动", "Product or UI change"),
            Self::Process => ("流程优化", "Process"),
            Self::ScriptTemplate => ("话术模板", "Script template"),
            Self::Training => ("培训", "Training"),
            Self::Policy => ("政策规则", "Policy"),
            Self::KbRewrite => ("知识改写", "Knowledge rewrite"),
            Self::Video => ("视频", "Video"),
            Self::Staffing => ("人员排班", "Staffing"),
            Self::Other => ("其他", "Other"),
        };
        crate::organisation::Bilingual::new(zh, en)
    }

    /// How progress of this kind is told where nobody says: the steps that were named are a checklist, a
    /// product change lives in the developers' tracker. A training needs a group before it can be counted.
    #[must_use]
    pub fn usual_track(self, steps: &[String]) -> Track {
        match self {
            Self::ProductChange => Track::Ticket(Ticket::default()),
            Self::Other | Self::Training => Track::Percent,
            _ if steps.is_empty() => Track::Percent,
            _ => Track::checklist(steps),
        }
    }
}

/// An item of a checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What is to be done.
    pub text: String,
    /// When it was ticked.
    #[serde(default)]
    pub done_at: Option<Timestamp>,
    /// Who ticked it.
    #[serde(default)]
    pub by: Option<String>,
}

/// Where a ticket of another system is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ExternalTicketState))]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// Nobody works on it.
    #[default]
    Open,
    /// Somebody does.
    InProgress,
    /// Delivered there.
    Done,
    /// It will not be done there.
    Rejected,
}

impl TicketState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::InProgress, Self::Done, Self::Rejected];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::Done => "done",
            Self::Rejected => "rejected",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// For people.
    #[must_use]
    pub fn title(self) -> crate::organisation::Bilingual {
        let (zh, en) = match self {
            Self::Open => ("未开始", "open"),
            Self::InProgress => ("处理中", "in progress"),
            Self::Done => ("已完成", "done"),
            Self::Rejected => ("不做", "will not be done"),
        };
        crate::organisation::Bilingual::new(zh, en)
    }
}

/// A ticket of another system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Where it can be seen; empty until somebody says.
    #[serde(default)]
    pub url: String,
    /// Where it is.
    #[serde(default)]
    pub state: TicketState,
}

/// How progress is told, and how far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Track {
    /// In the owner's estimate.
    #[default]
    Percent,
    /// By items that are ticked.
    Checklist {
        /// The items.
        items: Vec<Item>,
    },
    /// By people of a group that were trained.
    Coverage {
        /// Who they are.
        group: String,
        /// How many.
        total: u32,
        /// How many of them were trained.
        trained: u32,
    },
    /// By a ticket of another system.
    Ticket(Ticket),
}

/// What is wanted of a track when a task is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// See [`Track::Percent`].
    Percent,
    /// See [`Track::Checklist`]; no items: the steps of the task.
    Checklist(Vec<String>),
    /// See [`Track::Coverage`].
    Coverage {
        /// Who they are.
        group: String,
        /// How many.
        total: u32,
    },
    /// See [`Track::Ticket`].
    Ticket {
        /// Where it can be seen.
        url: String,
    },
}

/// A typed report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advance {
    /// The items that are done, by their place from 0; the others are not.
    Ticked(Vec<usize>),
    /// People trained by now.
    Trained {
        /// How many.
        trained: u32,
        /// The group turned out to be larger or smaller.
        total: Option<u32>,
    },
    /// The ticket.
    Ticket {
        /// Where it can be seen; as before when missing.
        url: Option<String>,
        /// Where it is.
        state: TicketState,
    },
}

fn wrong<T>(
    field: &'static str,
    code: &'static str,
    detail: impl Into<String>,
) -> Result<T, Refused> {
    Err(Refused::Field {
        field,
        code,
        detail: detail.into(),
    })
}

fn link(url: &str) -> Result<String, Refused> {
    let url = url.trim();
    if url.chars().count() > 2000 {
        return wrong("url", "too_long", "at most 2000 characters");
    }
    let web = url.starts_with("https://") || url.starts_with("http://");
    if !url.is_empty() && (!web || url.chars().any(|c| c.is_whitespace() || c.is_control())) {
        return wrong("url", "invalid", "an http or https address");
    }
    Ok(url.to_owned())
}

fn people(total: u32) -> Result<u32, Refused> {
    if (1..=MOST_PEOPLE).contains(&total) {
        Ok(total)
    } else {
        wrong("total", "out_of_range", "1 to 1000000 people")
    }
}

impl Track {
    fn checklist(texts: &[String]) -> Self {
        Self::Checklist {
            items: texts
                .iter()
                .map(|text| Item {
                    text: text.trim().to_owned(),
                    done_at: None,
                    by: None,
                })
                .collect(),
        }
    }

    /// The track of a new task.
    ///
    /// # Errors
    ///
    /// Where it could never be followed.
    pub fn new(kind: Kind, wanted: Option<Wanted>, steps: &[String]) -> Result<Self, Refused> {
        Ok(match wanted {
            None => kind.usual_track(steps),
            Some(Wanted::Percent) => Self::Percent,
            Some(Wanted::Checklist(items)) => {
                let items = if items.is_empty() { steps } else { &items };
                if items.is_empty() {
                    return wrong("items", "required", "a checklist has items");
                }
                if items.len() > MOST_ITEMS {
                    return wrong("items", "too_many", "at most 50");
                }
                for item in items {
                    if item.trim().is_empty() {
                        return wrong("items", "required", "must not be empty");
                    }
                    if item.chars().count() > 500 {
                        return wrong("items", "too_long", "at most 500 characters");
                    }
                }
                Self::checklist(items)
            }
            Some(Wanted::Coverage { group, total }) => {
                let group = group.trim().to_owned();
                if group.is_empty() {
                    return wrong("group", "required", "must not be empty");
                }
                if group.chars().count() > 200 {
                    return wrong("group", "too_long", "at most 200 characters");
                }
                Self::Coverage {
                    group,
                    total: people(total)?,
                    trained: 0,
                }
            }
            Some(Wanted::Ticket { url }) => Self::Ticket(Ticket {
                url: link(&url)?,
                state: TicketState::Open,
            }),
        })
    }

    /// The stable name.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Checklist { .. } => "checklist",
            Self::Coverage { .. } => "coverage",
            Self::Ticket(_) => "ticket",
        }
    }

    /// How far it is, where `said` is what the owner estimated last. What can be counted is counted,
    /// rounded down: 100 means all of it. A ticket tells its end; before, only the owner can.
    #[must_use]
    pub fn percent(&self, said: u8) -> u8 {
        match self {
            Self::Percent => said,
            Self::Checklist { items } => {
                let done = items.iter().filter(|i| i.done_at.is_some()).count();
                share(done as u64, items.len() as u64)
            }
            Self::Coverage { total, trained, .. } => share(u64::from(*trained), u64::from(*total)),
            Self::Ticket(ticket) => match ticket.state {
                TicketState::Done => 100,
                _ => said.min(99),
            },
        }
    }

    /// What has been counted, in figures that need no language: `3/5`.
    #[must_use]
    pub fn figures(&self) -> String {
        match self {
            Self::Percent => String::new(),
            Self::Checklist { items } => {
                let done = items.iter().filter(|i| i.done_at.is_some()).count();
                format!("{done}/{}", items.len())
            }
            Self::Coverage { total, trained, .. } => format!("{trained}/{total}"),
            Self::Ticket(ticket) => ticket.state.as_str().to_owned(),
        }
    }

    /// How progress is told and how far it is, for people; nothing where it is the owner's estimate.
    #[must_use]
    pub fn spoken(&self) -> Option<crate::organisation::Bilingual> {
        use crate::organisation::Bilingual;
        Some(match self {
            Self::Percent => return None,
            Self::Checklist { .. } => Bilingual::new(
                format!("进度按清单计：已完成 {} 项", self.figures()),
                format!("progress is a checklist: {} done", self.figures()),
            ),
            Self::Coverage { group, .. } => Bilingual::new(
                format!("进度按培训覆盖计：{group} 已培训 {} 人", self.figures()),
                format!(
                    "progress is training: {} of {group} trained",
                    self.figures()
                ),
            ),
            Self::Ticket(ticket) => {
                let state = ticket.state.title();
                let url = if ticket.url.is_empty() {
                    String::new()
                } else {
                    format!(" {}", ticket.url)
                };
                Bilingual::new(
                    format!("进度按外部工单计：{}{url}", state.zh),
                    format!("progress is an external ticket: {}{url}", state.en),
                )
            }
        })
    }

    /// Whether nothing is missing: else a completion says why the rest is left.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Percent => true,
            Self::Checklist { items } => items.iter().all(|i| i.done_at.is_some()),
            Self::Coverage { total, trained, .. } => trained >= total,
            Self::Ticket(ticket) => ticket.state == TicketState::Done,
        }
    }

    /// What is missing, for people; nothing where it is whole.
    #[must_use]
    pub fn missing(&self) -> Option<crate::organisation::Bilingual> {
        use crate::organisation::Bilingual;
        if self.is_whole() {
            return None;
        }
        Some(match self {
            Self::Percent => return None,
            Self::Checklist { items } => {
                let open: Vec<&str> = items
                    .iter()
                    .filter(|i| i.done_at.is_none())
                    .map(|i| i.text.as_str())
                    .collect();
                let (n, names) = (open.len(), open.join("、"));
                Bilingual::new(
                    format!("还有 {n} 项未勾选：{names}"),
                    format!("{n} items are not ticked: {}", open.join(", ")),
                )
            }
            Self::Coverage { total, trained, .. } => Bilingual::new(
                format!("已培训 {trained}/{total} 人，还差 {} 人", total - trained),
                format!("{trained} of {total} people are trained"),
            ),
            Self::Ticket(ticket) => {
                let state = ticket.state.title();
                Bilingual::new(
                    format!("外部工单状态为「{}」", state.zh),
                    format!("the external ticket is {}", state.en),
                )
            }
        })
    }

    /// The track after a report.
    ///
    /// # Errors
    ///
    /// Where the report is of another sort, or its figures cannot be.
    pub fn advanced(self, step: &Advance, by: &str, at: Timestamp) -> Result<Self, Refused> {
        Ok(match (self, step) {
            (Self::Checklist { mut items }, Advance::Ticked(done)) => {
                if done.iter().any(|n| *n >= items.len()) {
                    return wrong("done", "unknown", "no such item");
                }
                for (n, item) in items.iter_mut().enumerate() {
                    match (done.contains(&n), item.done_at.is_some()) {
                        (true, false) => {
                            item.done_at = Some(at);
                            item.by = Some(by.to_owned());
                        }
                        (false, true) => {
                            item.done_at = None;
                            item.by = None;
                        }
                        _ => {}
                    }
                }
                Self::Checklist { items }
            }
            (
                Self::Coverage { group, total, .. },
                Advance::Trained {
                    trained,
                    total: now,
                },
            ) => {
                let total = people(now.unwrap_or(total))?;
                if *trained > total {
                    return wrong("trained", "out_of_range", format!("at most {total}"));
                }
                Self::Coverage {
                    group,
                    total,
                    trained: *trained,
                }
            }
            (Self::Ticket(ticket), Advance::Ticket { url, state }) => Self::Ticket(Ticket {
                url: match url {
                    Some(url) => link(url)?,
                    None => ticket.url,
                },
                state: *state,
            }),
            (track, _) => {
                return wrong(
                    "track",
                    "other_track",
                    format!("this task is followed by {}", track.as_str()),
                );
            }
        })
    }
}

fn share(part: u64, whole: u64) -> u8 {
    match whole {
        0 => 0,
        _ => u8::try_from((part * 100 / whole).min(100)).unwrap_or(100),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::now;
    use super::*;
    use proptest::prelude::*;

    fn texts(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("step {i}")).collect()
    }

    fn code(result: Result<Track, Refused>) -> &'static str {
        match result {
            Err(Refused::Field { code, .. }) => code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn kinds_have_their_usual_track() {
        for kind in Kind::ALL {
            let with = Track::new(kind, None, &texts(2)).unwrap();
            let without = Track::new(kind, None, &[]).unwrap();
            let expected = match kind {
                Kind::ProductChange => ("ticket", "ticket"),
                Kind::Other | Kind::Training => ("percent", "percent"),
                _ => ("checklist", "percent"),
            };
            assert_eq!((with.as_str(), without.as_str()), expected, "{kind:?}");
        }
    }

    #[test]
    fn what_could_never_be_followed_is_refused() {
        let new = |wanted| Track::new(Kind::Policy, Some(wanted), &[]);
        assert_eq!(code(new(Wanted::Checklist(vec![]))), "required");
        assert_eq!(code(new(Wanted::Checklist(texts(51)))), "too_many");
        assert_eq!(code(new(Wanted::Checklist(vec![" ".into()]))), "required");
        assert_eq!(
            code(new(Wanted::Checklist(vec!["x".repeat(501)]))),
            "too_long"
        );
        let group = |group: &str, total| Wanted::Coverage {
            group: group.into(),
            total,
        };
        assert_eq!(code(new(group("agents", 0))), "out_of_range");
        assert_eq!(code(new(group(" ", 5))), "required");
        for url in ["javascript:alert(1)", "ftp://x", "https://x y"] {
            assert_eq!(code(new(Wanted::Ticket { url: url.into() })), "invalid");
        }
        let steps = Track::new(Kind::Other, Some(Wanted::Checklist(vec![])), &texts(3)).unwrap();
        assert_eq!(steps.figures(), "0/3", "the steps of the task");
    }

    #[test]
    fn forty_five_of_sixty_agents() {
        let wanted = Wanted::Coverage {
            group: "二线客服".into(),
            total: 60,
        };
        let track = Track::new(Kind::Training, Some(wanted), &[]).unwrap();
        let step = Advance::Trained {
            trained: 45,
            total: None,
        };
        let track = track.advanced(&step, "li", now()).unwrap();
        assert_eq!(
            (track.percent(0), track.figures().as_str(), track.is_whole()),
            (75, "45/60", false)
        );
        assert!(track.missing().unwrap().zh.contains("还差 15 人"));
        let too_many = Advance::Trained {
            trained: 61,
            total: None,
        };
        assert_eq!(
            code(track.clone().advanced(&too_many, "li", now())),
            "out_of_range"
        );
        let grown = Advance::Trained {
            trained: 61,
            total: Some(61),
        };
        assert!(
            track
                .clone()
                .advanced(&grown, "li", now())
                .unwrap()
                .is_whole()
        );
        assert_eq!(
            code(track.advanced(&Advance::Ticked(vec![]), "li", now())),
            "other_track"
        );
    }

    #[test]
    fn a_tick_keeps_who_and_when_until_it_is_taken_back() {
        let track = Track::checklist(&texts(3));
        let first = track
            .advanced(&Advance::Ticked(vec![0]), "li", now())
            .unwrap();
        let later = now() + chrono::TimeDelta::hours(1);
        let second = first
            .advanced(&Advance::Ticked(vec![0, 2]), "wang", later)
            .unwrap();
        let Track::Checklist { items } = &second else {
            panic!()
        };
        assert_eq!(
            (items[0].by.as_deref(), items[0].done_at),
            (Some("li"), Some(now()))
        );
        assert_eq!(
            (items[2].by.as_deref(), items[2].done_at),
            (Some("wang"), Some(later))
        );
        assert_eq!((second.percent(90), second.is_whole()), (66, false));
        let none = second
            .clone()
            .advanced(&Advance::Ticked(vec![]), "li", later)
            .unwrap();
        assert_eq!(none.percent(90), 0);
        assert_eq!(
            code(second.advanced(&Advance::Ticked(vec![3]), "li", later)),
            "unknown"
        );
    }

    #[test]
    fn a_ticket_tells_its_end() {
        let wanted = Wanted::Ticket {
            url: "https://jira.example/A-1".into(),
        };
        let mut track = Track::new(Kind::ProductChange, Some(wanted), &[]).unwrap();
        assert_eq!(
            track.percent(100),
            99,
            "what the owner thinks is not its end"
        );
        for state in TicketState::ALL {
            let step = Advance::Ticket { url: None, state };
            track = track.advanced(&step, "li", now()).unwrap();
            assert_eq!(track.is_whole(), state == TicketState::Done);
            assert_eq!(
                track.percent(10),
                if state == TicketState::Done { 100 } else { 10 }
            );
        }
        let Track::Ticket(ticket) = &track else {
            panic!()
        };
        assert_eq!(ticket.url, "https://jira.example/A-1", "kept");
    }

    proptest! {
        /// A hundred per cent is all of it, and all of it is a hundred per cent.
        #[test]
        fn a_hundred_means_whole(total in 1_u32..5000, part in 0_u32..5000, n in 1_usize..50, picks in proptest::collection::vec(0_usize..50, 0..60)) {
            let coverage = Track::Coverage { group: "g".into(), total, trained: part.min(total) };
            prop_assert_eq!(coverage.percent(0) == 100, coverage.is_whole());
            let picks: Vec<usize> = picks.into_iter().filter(|p| *p < n).collect();
            let list = Track::checklist(&texts(n)).advanced(&Advance::Ticked(picks), "li", now()).unwrap();
            prop_assert_eq!(list.percent(0) == 100, list.is_whole());
            prop_assert_eq!(list.missing().is_none(), list.is_whole());
        }
    }
}
