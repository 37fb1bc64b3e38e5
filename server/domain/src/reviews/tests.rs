use super::*;
use chrono::{TimeZone, Utc};
use proptest::prelude::*;

fn at(d: u32) -> Timestamp {
    Utc.with_ymd_and_hms(2026, 3, d, 9, 0, 0).unwrap()
}

fn ticket() -> Ticket {
    Ticket {
        id: Uuid::nil(),
        feedback: FeedbackId(Uuid::nil()),
        gathered: Vec::new(),
        reason: Reason::LowRating { rating: 1 },
        topic: "退款".into(),
        channel: "phone".into(),
        issue: None,
        department: "finance".into(),
        owner_email: "fang@b.cn".into(),
        state: State::Open,
        cause: None,
        analysis: String::new(),
        calls: Vec::new(),
        outcome: None,
        outcome_text: String::new(),
        created_at: at(1),
        closed_at: None,
        version: 1,
    }
}

#[test]
fn what_opens_a_ticket() {
    let rule = Rule::default();
    let opens = |rating, nps| rule.reason(rating, nps).is_some();
    assert!(opens(Some(2), None) && opens(Some(1), Some(10)));
    assert!(!opens(Some(3), None) && !opens(None, None));
    // A detractor is 0 to 6, whatever the mark; 7 is none.
    assert!(opens(None, Some(0)) && opens(Some(5), Some(6)));
    assert!(!opens(None, Some(7)));
    let off = Rule {
        enabled: false,
        ..Rule::default()
    };
    assert_eq!(off.reason(Some(1), Some(0)), None);
    let wrong = |rule: Rule| rule.check().map_err(|(field, _)| field).err();
    assert_eq!(
        wrong(Rule {
            max_nps: 7,
            ..Rule::default()
        }),
        Some("max_nps")
    );
    assert_eq!(
        wrong(Rule {
            max_rating: 4,
            ..Rule::default()
        }),
        Some("max_rating")
    );
    assert_eq!(
        wrong(Rule {
            mail_hour: 24,
            ..Rule::default()
        }),
        Some("mail_hour")
    );
    assert_eq!(
        wrong(Rule {
            most_per_topic_and_day: 0,
            ..Rule::default()
        }),
        Some("most_per_topic_and_day")
    );
    assert_eq!(wrong(Rule::default()), None);
}

fn commands() -> impl Strategy<Value = Command> {
    let text = prop::sample::select(vec!["", "说明"]);
    let outcome = prop::sample::select(vec![
        Outcome::Recovered,
        Outcome::Explained,
        Outcome::Compensated,
        Outcome::NotReached,
        Outcome::NotOurs,
    ]);
    prop_oneof![
        (text.clone(), text.clone()).prop_map(|(cause, text)| Command::Analyse {
            cause: cause.to_owned(),
            text: text.to_owned()
        }),
        (any::<bool>(), text.clone()).prop_map(|(reached, text)| Command::CallBack {
            reached,
            text: text.to_owned()
        }),
        (outcome, text).prop_map(|(outcome, text)| Command::Close {
            outcome,
            text: text.to_owned()
        }),
    ]
}

proptest! {
    #[test]
    fn a_ticket_closes_once_and_for_a_reason(all in prop::collection::vec(commands(), 0..12)) {
        let mut now = ticket();
        for command in &all {
            let before = now.clone();
            match apply(before.clone(), command, &Actor::system(), at(2)) {
                Ok((next, _)) => {
                    prop_assert!(before.state != State::Closed);
                    prop_assert_eq!(next.version, before.version + 1);
                    now = next;
                }
                Err(refused) => prop_assert!(!refused.sentence().zh.is_empty()),
            }
            prop_assert_eq!(now.state == State::Closed, now.outcome.is_some());
            if let Some(outcome) = now.outcome && outcome != Outcome::NotOurs {
                prop_assert!(now.cause.is_some() && !now.calls.is_empty());
                prop_assert!(outcome == Outcome::NotReached || now.calls.iter().any(|c| c.reached));
            }
        }
    }
}
