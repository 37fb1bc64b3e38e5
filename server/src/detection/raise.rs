//! From a signal to its issue and notice, in one transaction.

use super::relapse::{fix_of, watched_part};
use super::words;
use crate::app::App;
use crate::mail::{Letter, Recipient};
use crate::routing::matter_of;
use domain::detection::{Detector, Kind, Scope, Signal, SubjectKind, issue_key};
use domain::identity::{Actor, Role};
use domain::ids::{FeedbackId, IssueId};
use domain::issues::{self, Command, Issue, IssueKind, Mended, State};
use domain::organisation::{Department, Locale, Organisation, Topic, is_email};
use storage::{DbError, Tx};

/// A signal and what it takes to raise it.
pub(super) struct Raising<'a> {
    /// The rule.
    pub detector: &'a Detector,
    /// What it found.
    pub signal: &'a Signal,
    /// The topic that the issue belongs to; empty where there is none.
    pub topic: &'a str,
    /// The voices that made the rule ring, the worst first; empty where days decide.
    pub voices: &'a [FeedbackId],
    /// Of old data: the issue opens, nobody is told.
    pub quiet: bool,
}

/// The key of the issue of that kind that signals of this subject and scope join.
pub(super) fn key_of(signal: &Signal, scope: &Scope, kind: IssueKind) -> String {
    let subject = &signal.subject;
    kind.key(match subject.kind {
        SubjectKind::Topic => issue_key(&subject.key, None, scope),
        // Data that does not arrive is another matter than what the data says.
        SubjectKind::Channel if signal.kind == Kind::SilentSource => {
            issue_key(&format!("silent\u{1e}{}", subject.key), None, scope)
        }
        other => issue_key(
            &format!("{}\u{1e}{}", other.as_str(), subject.key),
            None,
            scope,
        ),
    })
}

/// Raises a signal: once for its rule, subject and day, whatever happens twice. A muted rule only
/// says what it would have raised.
pub(super) async fn raise(
    app: &App,
    tx: &Tx,
    topics: &[Topic],
    raising: &Raising<'_>,
) -> Result<(), DbError> {
    let Raising {
        detector, signal, ..
    } = *raising;
    let known =
        storage::detection::fired(tx, &signal.detector, &signal.subject.key, signal.window).await?;
    let muted = detector.muted_on(signal.window);
    if known
        .as_ref()
        .is_some_and(|k| k.signal == *signal && (muted || !k.withheld) && k.withdrawn_at.is_none())
    {
        return Ok(());
    }
    let known_in = known.as_ref().and_then(|k| Some((k.id.clone(), k.issue?)));
    let counts_on = known
        .as_ref()
        .is_some_and(|k| k.issue.is_some() && k.withdrawn_at.is_none());
    // Those that crossed the line are quoted, not those that came after.
    let voices = match known {
        Some(known) if !known.voices.is_empty() && known.withdrawn_at.is_none() => known.voices,
        _ => raising.voices.to_vec(),
    };
    let keep = |issue, withheld| {
        let id = app.ids.next();
        let voices = &voices;
        async move { storage::detection::keep_signal(tx, id, issue, signal, voices, withheld).await }
    };
    if muted || signal.information {
        // What was raised stays raised: only its figures follow.
        keep(None, muted).await?;
        return Ok(());
    }
    if let Some(issue) = channel_issue(tx, signal).await? {
        let new = keep(Some(issue), false).await?;
        if new {
            event(app, tx, issue, "issue.signal_joined", signal).await?;
        }
        return Ok(());
    }
    let scope = Scope {
        topic: None,
        ..detector.scope.clone()
    };
    let known = Known {
        placed: known_in,
        counts_on,
    };
    let (issue, opened, redirected) = open(app, tx, topics, raising, scope, &known).await?;
    // What rang before its issue was merged stays that issue's own: a merge that is taken back gives it back.
    let home = match &known.placed {
        Some((_, at)) if redirected && *at != issue.id => storage::issues::get(tx, *at)
            .await?
            .filter(|own| own.merged.is_some())
            .map_or(issue.id, |own| own.id),
        _ => issue.id,
    };
    let new = keep(Some(home), false).await?;
    if redirected && new && !opened {
        // Whoever reads the issue sees which of its signals a merge has brought.
        event(app, tx, issue.id, "issue.signal_joined", signal).await?;
    }
    if raising.quiet {
        // History opens issues for the present and is silent; the first live voice tells the department.
        if opened {
            event(app, tx, issue.id, "issue.notice_withheld", signal).await?;
        }
        return Ok(());
    }
    let active = !issue.state.is_quiet();
    if active && !storage::notify::exists(tx, &notice_key(&issue, 0)).await? {
        notice(app, tx, topics, &issue, raising, &voices, opened).await?;
    }
    Ok(())
}

/// The open issue of the channel whose alarm covers this signal, if there is one.
async fn channel_issue(tx: &Tx, signal: &Signal) -> Result<Option<IssueId>, DbError> {
    let Some(subject) = &signal.part_of else {
        return Ok(None);
    };
    let of_channel = Signal {
        subject: subject.clone(),
        ..signal.clone()
    };
    let key = key_of(&of_channel, &Scope::default(), IssueKind::Problem);
    Ok(storage::issues::by_key(tx, &key)
        .await?
        .filter(|i| !i.state.is_quiet())
        .map(|i| i.id))
}

/// The issue that a signal joins which its own issue would have had: a person may have merged that, or
/// split off a part with this rule or with this very signal (`known_in`: its id, and where it is).
async fn joined(
    tx: &Tx,
    own: Issue,
    detector: &str,
    known_in: Option<&(String, IssueId)>,
) -> Result<Issue, DbError> {
    if let Some((signal, at)) = known_in
        && let Some(part) = storage::issues::get(tx, *at).await?
        && let Some(split) = &part.split
        && split.ended.is_none()
        && split.signals.contains(signal)
    {
        return Ok(part);
    }
    storage::issues::target(tx, own, detector).await
}

/// What is known of a signal that rang before.
struct Known {
    /// Its id, and the issue it was put to.
    placed: Option<(String, IssueId)>,
    /// It stands: only its figures follow.
    counts_on: bool,
}

/// What a signal tells an issue. What rings for the first time after a fix is measured by the days that
/// judged the fix; what counts on, and issues that no verdict closed, by the alarm.
async fn told(
    tx: &Tx,
    issue: &Issue,
    signal: &Signal,
    counts_on: bool,
) -> Result<Command, DbError> {
    let signal = signal.clone();
    if issue.state != State::Resolved || counts_on {
        return Ok(Command::Signalled(signal));
    }
    let fix = fix_of(tx, issue).await?;
    Ok(match fix.and_then(|(_, verdict)| Mended::of(&verdict)) {
        Some(mended) => Command::RangAfter { signal, mended },
        None => Command::Signalled(signal),
    })
}

/// The issue of a signal, opened or told of it; whether it opened or came back; and whether the
/// signal's own issue was merged into it, or this part of it split off.
async fn open(
    app: &App,
    tx: &Tx,
    topics: &[Topic],
    raising: &Raising<'_>,
    scope: Scope,
    known: &Known,
) -> Result<(Issue, bool, bool), DbError> {
    let signal = raising.signal;
    let kind = IssueKind::of(raising.detector, raising.topic, topics);
    let key = key_of(signal, &scope, kind);
    // What watches an issue after its verdict rings for that issue.
    let own = match watched_part(&signal.detector) {
        Some(named) => storage::issues::get(tx, named).await?,
        None => storage::issues::by_key(tx, &key).await?,
    };
    if let Some(own) = own {
        let of_own = own.id;
        let present = joined(tx, own, &signal.detector, known.placed.as_ref()).await?;
        let redirected = present.id != of_own;
        let before = present.openings;
        let command = told(tx, &present, signal, known.counts_on).await?;
        let Ok((mut next, _)) = issues::apply(present.clone(), &command, tx.now()) else {
            return Ok((present, false, redirected));
        };
        let again = next.openings > before;
        if again && next.split.is_none() {
            // What rings now need not be what rang then: the heading says what is the matter today.
            let heading = words::heading(next.kind, signal, &scope, topics);
            next.title.clone_from(&heading.zh);
            next.heading = Some(heading);
        }
        storage::issues::update(tx, &next).await?;
        if let Some(line) = issues::line(&present, &next, &command) {
            let id = next.id.to_string();
            let (event, actor) = (app.ids.next(), Actor::system());
            storage::events::record(tx, event, "issue", &id, line.kind, &actor, &line.data).await?;
        }
        return Ok((next, again, redirected));
    }
    let id = IssueId(app.ids.next());
    let heading = words::heading(kind, signal, &scope, topics);
    let issue = Issue {
        kind,
        ..issues::opened(
            id,
            key,
            heading,
            raising.topic.to_owned(),
            scope,
            signal,
            tx.now(),
        )
    };
    if !storage::issues::insert(tx, &issue, "watch").await? {
        // Another replica opened it in this instant: its next voice counts here as well.
        return Err(DbError::Busy);
    }
    event(app, tx, id, "issue.opened", signal).await?;
    Ok((issue, true, false))
}

/// A line in the issue's history, with the signal.
pub(super) async fn event(
    app: &App,
    tx: &Tx,
    id: IssueId,
    kind: &str,
    signal: &Signal,
) -> Result<(), DbError> {
    let data = serde_json::to_value(signal).unwrap_or_default();
    storage::events::record(
        tx,
        app.ids.next(),
        "issue",
        &id.to_string(),
        kind,
        &Actor::system(),
        &data,
    )
    .await
}

/// Rules that ring because of what single voices say, and not because of how many there are.
pub(super) const fn speaks(kind: Kind) -> bool {
    matches!(kind, Kind::LowRating | Kind::Risk | Kind::Phrase)
}

/// One notice per opening and reader, whatever happens twice.
pub(super) fn notice_key(issue: &Issue, reader: usize) -> String {
    if reader == 0 {
        format!("issue:{}:{}", issue.id, issue.openings)
    } else {
        format!("issue:{}:{}:{reader}", issue.id, issue.openings)
    }
}

/// Who is told, and the name of the department they are told for.
pub(crate) struct Readers {
    /// Addressees; empty: nobody is known.
    pub to: Vec<Recipient>,
    /// Key and title of their department, where they have one.
    pub department: Option<(String, String)>,
}

/// A person by address: an owner of a department, somebody with an account, or just the address.
pub(crate) async fn person(
    tx: &impl storage::Read,
    email: &str,
    departments: &[Department],
    organisation: &Organisation,
) -> Result<Recipient, DbError> {
    let email = email.trim().to_lowercase();
    let owners = departments.iter().flat_map(|d| &d.owners);
    if let Some(owner) = owners.into_iter().find(|o| o.email == email) {
        return Ok(Recipient::of(owner));
    }
    let account = storage::access::account_by_email(tx, &email).await?;
    Ok(Recipient {
        name: account.as_ref().map_or_else(
            || email.split('@').next().unwrap_or_default().to_owned(),
            |a| a.name.clone(),
        ),
        language: account.map_or(organisation.locale, |a| {
            if a.language == Locale::En.as_str() {
                Locale::En
            } else {
                Locale::ZhCn
            }
        }),
        email,
        time_zone: organisation.zone,
    })
}

/// Who runs the loop, for what belongs to no department: the VoC owners; where there are none the
/// administrators; and where they cannot be written to, whoever decides in the organisation.
pub(crate) async fn loop_people(
    tx: &impl storage::Read,
    departments: &[Department],
    organisation: &Organisation,
) -> Result<Readers, DbError> {
    let accounts = storage::access::accounts(tx).await?;
    let mut emails: Vec<&str> = Vec::new();
    for role in [Role::VocOwner, Role::Admin] {
        let of_role = accounts
            .iter()
            .filter(|a| a.role == role && !a.disabled && is_email(&a.email));
        emails.extend(of_role.map(|a| a.email.as_str()));
        if !emails.is_empty() {
            break;
        }
    }
    if emails.is_empty() {
        emails.extend(organisation.arbiter_email.as_deref());
    }
    let mut to = Vec::new();
    for email in emails {
        to.push(person(tx, email, departments, organisation).await?);
    }
    Ok(Readers {
        to,
        department: None,
    })
}

/// Who hears of a signal: a topic's department; an agent's supervisor; else who answers for the rule;
/// for a channel, a search or an article at last the people who run the loop.
pub(super) async fn readers(
    tx: &impl storage::Read,
    detector: &Detector,
    signal: &Signal,
    topic: Option<&Topic>,
) -> Result<Readers, DbError> {
    let directory = crate::routing::directory(tx).await?;
    let departments = &directory.departments;
    let organisation = storage::organisation::organisation(tx).await?;
    let of_department = |d: &Department| {
        d.owners.first().map(|owner| Readers {
            to: vec![Recipient::of(owner)],
            department: Some((d.key.clone(), d.title().to_owned())),
        })
    };
    let mut of_owner = None;
    if let Some(owner) = detector.owner.as_deref().filter(|o| !o.is_empty()) {
        if let Some(department) = departments.iter().find(|d| d.key == owner) {
            of_owner = of_department(department);
        } else if is_email(owner) {
            of_owner = Some(Readers {
                to: vec![person(tx, owner, departments, &organisation).await?],
                department: None,
            });
        }
    }
    // The owner rules first; where none matches they name the topic's own department.
    let key = topic.map_or("", |t| t.key.as_str());
    let route = directory.decide(&matter_of(key, &detector.scope, None));
    let routed = route
        .department
        .as_ref()
        .and_then(|key| departments.iter().find(|d| d.key == *key))
        .and_then(|d| {
            let named = d
                .owners
                .iter()
                .find(|o| Some(&o.email) == route.owner.as_ref());
            named.or(d.owners.first()).map(|owner| Readers {
                to: vec![Recipient::of(owner)],
                department: Some((d.key.clone(), d.title().to_owned())),
            })
        });
    let nobody = || Readers {
        to: Vec::new(),
        department: None,
    };
    Ok(match signal.subject.kind {
        SubjectKind::Topic => match (routed.or(of_owner), organisation.arbiter_email.as_deref()) {
            (Some(readers), _) => readers,
            (None, Some(arbiter)) if is_email(arbiter.trim()) => Readers {
                to: vec![person(tx, arbiter, departments, &organisation).await?],
                department: None,
            },
            (None, _) => loop_people(tx, departments, &organisation).await?,
        },
        SubjectKind::SearchTerm | SubjectKind::Article => match of_owner.or(routed) {
            Some(readers) => readers,
            None => loop_people(tx, departments, &organisation).await?,
        },
        SubjectKind::Agent => {
            let team = storage::feedback::team_of(tx, &signal.subject.key).await?;
            let department =
                team.and_then(|team| departments.iter().find(|d| d.key == team || d.name == team));
            match department {
                Some(d) => match d.manager_email.as_deref() {
                    Some(manager) => Readers {
                        to: vec![person(tx, manager, departments, &organisation).await?],
                        department: Some((d.key.clone(), d.title().to_owned())),
                    },
                    None => of_owner.or_else(|| of_department(d)).unwrap_or_else(nobody),
                },
                None => of_owner.unwrap_or_else(nobody),
            }
        }
        SubjectKind::Channel => match of_owner {
            Some(owner) => owner,
            None => loop_people(tx, departments, &organisation).await?,
        },
    })
}

/// One notice to those concerned, once per opening.
async fn notice(
    app: &App,
    tx: &Tx,
    topics: &[Topic],
    issue: &Issue,
    raising: &Raising<'_>,
    voices: &[FeedbackId],
    opened: bool,
) -> Result<(), DbError> {
    let signal = raising.signal;
    let topic = topics.iter().find(|t| t.key == issue.topic);
    let readers = readers(tx, raising.detector, signal, topic).await?;
    if readers.to.is_empty() {
        // Nobody to tell is worth knowing too, once.
        if opened {
            event(app, tx, issue.id, "issue.notice_without_department", signal).await?;
        }
        return Ok(());
    }
    // Voices can be quoted where the issue is about a topic: others have no words of customers.
    let about_topic = signal.subject.kind == SubjectKind::Topic;
    let quotes = if speaks(signal.kind) && !voices.is_empty() {
        // One voice is the reason: what others say of the topic would be another matter.
        crate::analysis::quotes_of(tx, voices).await?
    } else if about_topic {
        crate::analysis::quotes(tx, std::slice::from_ref(&issue.topic), 3).await?
    } else {
        Vec::new()
    };
    let similar = if about_topic && !issue.topic.is_empty() {
        crate::knowledge::similar(app, tx, &issue.topic).await?
    } else {
        Vec::new()
    };
    let letter = Letter::IssueNotice {
        topic: words::subject_name(signal, topics),
        department: readers
            .department
            .as_ref()
            .map(|(_, title)| title.clone())
            .unwrap_or_default(),
        count: signal.count,
        limit: signal.limit,
        day: signal.window,
        window: signal.counted_in(),
        quotes,
        similar: similar.into_iter().map(|s| s.title).collect(),
        finding: (signal.kind != Kind::Threshold || issue.kind != IssueKind::Problem)
            .then(|| words::matter(issue.kind, signal)),
        why: Some(signal.explanation()),
        relapse: issue.state == State::Relapsed,
    };
    for (index, to) in readers.to.iter().enumerate() {
        let mut delivery = crate::mail::delivery(
            app.ids.next(),
            to,
            &letter,
            notice_key(issue, index),
            format!("issue:{}", issue.id),
            tx.now(),
        );
        delivery.issue_id = Some(issue.id.to_string());
        crate::mail::enqueue(app, tx, &delivery).await?;
        let data = serde_json::json!({
            "to": readers.department.as_ref().map_or(to.email.as_str(), |(key, _)| key),
            "delivery": delivery.id,
        });
        storage::events::record(
            tx,
            app.ids.next(),
            "issue",
            &issue.id.to_string(),
            "issue.notified",
            &Actor::system(),
            &data,
        )
        .await?;
    }
    Ok(())
}

/// How many mails a new issue of this signal would send.
pub(super) async fn would_mail(
    db: &impl storage::Read,
    detector: &Detector,
    signal: &Signal,
    topics: &[Topic],
) -> Result<usize, DbError> {
    let topic = topics
        .iter()
        .find(|t| signal.subject.kind == SubjectKind::Topic && t.key == signal.subject.key);
    Ok(readers(db, detector, signal, topic).await?.to.len())
}
