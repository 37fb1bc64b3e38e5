//! What a topic is to its channel, and the channel to its topics.

use super::*;

const DAYS: usize = 140;
const FROM: usize = 100;

/// 20 topics with 30 contacts and 15 ratings a day; `change` of all from day 100 on.
fn tenant(change: impl Fn(usize, u32, u32) -> (u32, u32)) -> (Context, Vec<Series>) {
    let topics: Vec<Series> = (0..20)
        .map(|i| {
            series(DAYS, |d| {
                let w = wobble(d + 3 * i) + wobble(d / 2 + i);
                let usual = (28 + 2 * w, 11 + wobble(d + i));
                let (contacts, satisfied) = if d >= FROM {
                    change(i, usual.0, usual.1)
                } else {
                    usual
                };
                (contacts, 15, satisfied.min(15))
            })
        })
        .collect();
    (context(DAYS, &topics), topics)
}

fn ringing(detector: &Detector, context: &Context, topics: &[Series]) -> Vec<usize> {
    let subject = Subject::topic("t");
    (0..topics.len())
        .filter(|&i| {
            let w = watched(&subject, &topics[i]);
            !backtest(detector, context, w, date(0), date(DAYS - 1)).is_empty()
        })
        .collect()
}

#[test]
fn what_all_topics_do_is_no_spike_of_one() {
    let (context, topics) = tenant(|_, y, s| (y * 16 / 10, s));
    assert!(ringing(&rule("spike", Value::Null), &context, &topics).is_empty());
    let alone = rule("spike", json!({"with_channel": false}));
    assert_eq!(ringing(&alone, &context, &topics).len(), 20);
    let (alarms, signals) = channel_alarms(&rule("spike", Value::Null), &context, &[]);
    assert_eq!(
        (alarms[0].from, alarms[0].subject.kind),
        (FROM, SubjectKind::Channel)
    );
    assert_eq!(signals[0].subject.key, "phone");
}

#[test]
fn one_among_many_still_rings() {
    let (context, topics) = tenant(|i, y, s| (if i == 7 { y * 2 } else { y }, s));
    assert_eq!(ringing(&rule("spike", Value::Null), &context, &topics), [7]);
}

#[test]
fn alarms_of_a_shared_fall_join_the_channel_but_for_the_one_that_fell_further() {
    let (context, topics) = tenant(|i, y, s| (y, if i == 3 { s - 8 } else { s - 3 }));
    let csat = rule("csat_fall", Value::Null);
    let (alarms, _) = channel_alarms(&csat, &context, &[]);
    assert!(!alarms.is_empty());
    let subject = Subject::topic("t");
    let mut own = Vec::new();
    let mut rang = 0;
    for (i, series) in topics.iter().enumerate() {
        let w = watched(&subject, series);
        let signals = backtest(&csat, &context, w, date(0), date(FROM + 13));
        rang += usize::from(!signals.is_empty());
        let signals = attach(&csat, &context, w, &alarms, signals);
        if signals.iter().any(|s| s.part_of.is_none()) {
            own.push(i);
        }
        for s in signals.iter().filter(|s| s.part_of.is_some()) {
            assert!(s.explanation().zh.contains("phone"));
        }
    }
    assert_eq!((rang, own), (20, vec![3]));
}

/// A topic's own incident is in every channel: the alarm of one of them, which it lifts itself, is not its
/// reason. What everybody does in one channel alone is.
#[test]
fn an_incident_of_one_topic_is_no_part_of_a_channel_that_it_lifts() {
    let topics = |change: &dyn Fn(usize, usize, usize) -> u32| -> Vec<Series> {
        (0..6)
            .map(|i| Series {
                lanes: (0..2)
                    .map(|channel| Lane {
                        channel,
                        points: (0..DAYS)
                            .map(|d| {
                                let usual = [90, 10][channel] + wobble(d + 3 * i);
                                let n = usual * if d == FROM { change(i, channel, d) } else { 1 };
                                Point {
                                    contacts: n,
                                    customers: n,
                                    ..Point::default()
                                }
                            })
                            .collect(),
                    })
                    .collect(),
            })
            .collect()
    };
    let rule = rule("spike", json!({"with_channel": false}));
    let mail = ChannelAlarm {
        channel: 1,
        subject: Subject::new(SubjectKind::Channel, "mail"),
        from: FROM - 3,
        to: FROM + 11,
    };
    let joined = |topics: &[Series], i: usize| {
        let channels = vec!["phone".to_owned(), "mail".to_owned()];
        let context = Context::new(start(), calendar(DAYS), channels, topics);
        let subject = Subject::topic("t");
        let w = watched(&subject, &topics[i]);
        let signals = backtest(&rule, &context, w, date(FROM), date(FROM));
        assert_eq!(signals.len(), 1, "it rings");
        let signals = attach(&rule, &context, w, std::slice::from_ref(&mail), signals);
        signals[0].part_of.is_some()
    };
    assert!(!joined(&topics(&|i, _, _| if i == 0 { 3 } else { 1 }), 0));
    // By mail alone: of one topic it is its own, of all it is the channel's.
    let by_mail = |i: usize, channel: usize| {
        if channel == 1 {
            9 - u32::from(i == 9)
        } else {
            1
        }
    };
    assert!(joined(&topics(&|i, c, _| by_mail(i, c)), 0));
    assert!(!joined(
        &topics(&|i, c, _| if i == 0 { by_mail(i, c) } else { 1 }),
        0
    ));
}

/// A topic that speaks while the rest of its channel is silent speaks for itself.
#[test]
fn the_rest_of_a_channel_may_be_silent() {
    let (context, topics) = tenant(|i, y, s| if i == 2 { (y * 3, s) } else { (0, s) });
    let z = rise_against(&context, &topics[2], 0, (FROM, 1)).unwrap();
    assert!(z > 2.0, "{z}");
}

/// What one customer writes on another topic, however much and on whatever day, hides no spike.
#[test]
fn one_loud_customer_does_not_silence_other_topics() {
    let few = |loud: Option<usize>, spike: bool| {
        let mut topics: Vec<Series> = (0..8)
            .map(|i| {
                series(DAYS, |d| {
                    let usual = 17 + wobble(d + 3 * i) + wobble(d / 2 + i);
                    let n = if spike && (i, d) == (4, FROM) {
                        51
                    } else {
                        usual
                    };
                    (n, 0, 0)
                })
            })
            .collect();
        if let Some(d) = loud {
            topics[1].lanes[0].points[d].contacts += 300;
        }
        (context(DAYS, &topics), topics)
    };
    let rule = rule("spike", Value::Null);
    let subject = Subject::topic("t4");
    let expected = |(context, topics): &(Context, Vec<Series>)| {
        let w = watched(&subject, &topics[4]);
        let found = backtest(&rule, context, w, date(FROM), date(FROM));
        let off = rise_against(context, &topics[4], 0, (FROM, 1));
        (found.first().map(|s| (s.limit, s.baseline)), off)
    };
    let (quiet, off) = expected(&few(None, true));
    let (limit, usual) = quiet.unwrap();
    // On the day itself, and on a day off that the day types of its weeks are learnt from.
    for day in [FROM, FROM - 10, FROM - 9] {
        let (found, of) = expected(&few(Some(day), true));
        let (line, level) = found.unwrap();
        assert_eq!((line, of), (limit, off), "{day}");
        assert!((level.unwrap() - usual.unwrap()).abs() < 0.01, "{day}");
        assert_eq!(expected(&few(Some(day), false)).0, None, "{day}");
    }
}

/// The line of a chart is the one that the day was judged by, with what the rest of the channel did;
/// a day above it that does not ring says why.
#[test]
fn the_days_of_a_chart_stand_against_the_line_that_judged_them() {
    // Everybody has half as much again on one day, and a topic its own spike on top of it.
    let (context, mut topics) = tenant(|i, y, s| (if i == 7 { y * 4 } else { y * 3 / 2 }, s));
    topics[3].lanes[0].points[FROM + 2].contacts += 300;
    let subject = Subject::topic("t");
    let rule = rule("spike", Value::Null);
    let day = |i: usize, d: usize| {
        let w = watched(&subject, &topics[i]);
        rise_days(&rule, &context, w, date(d), date(d)).remove(0)
    };
    let w = watched(&subject, &topics[7]);
    let signal = backtest(&rule, &context, w, date(FROM), date(FROM)).remove(0);
    let of_signal = day(7, FROM);
    assert_eq!(of_signal.limit, Some(signal.limit));
    assert_eq!(Some(of_signal.expected), signal.baseline);
    assert_eq!(of_signal.note, None);
    assert!(of_signal.expected > 1.3 * day(7, FROM - 1).expected);
    let after = day(7, FROM + 14).note.unwrap();
    assert!(
        after.zh.contains(&format!("{} 已经提醒", date(FROM))),
        "{}",
        after.zh
    );
    let loud = day(3, FROM + 2).note.unwrap();
    assert!(loud.zh.contains("位客户（往常约"), "{}", loud.zh);
    assert_eq!(day(3, FROM + 1).note, None);
}

/// One who writes again and again is nothing that a topic has, on the list of unusual ones either.
#[test]
fn one_loud_customer_is_on_no_list() {
    let (_, mut topics) = tenant(|_, y, s| (y, s));
    topics[4].lanes[0].points[FROM].contacts += 150;
    let context = context(DAYS, &topics);
    let subject = Subject::topic("t4");
    let all = [watched(&subject, &topics[4])];
    assert_eq!(unusual(&context, &all, FROM), []);
    topics[4].lanes[0].points[FROM].customers += 150;
    let all = [watched(&subject, &topics[4])];
    assert_eq!(unusual(&context, &all, FROM).len(), 1);
}

#[test]
fn an_open_issue_of_the_channel_keeps_its_alarm_on() {
    let (context, _) = tenant(|_, y, s| (y, s));
    let open = vec![vec![(date(60), date(75))]];
    let (alarms, _) = channel_alarms(&rule("csat_fall", Value::Null), &context, &open);
    assert_eq!(
        alarms.iter().map(|a| (a.from, a.to)).collect::<Vec<_>>(),
        [(60, 75)]
    );
}

#[test]
fn offsets_of_channels_are_against_the_topics_own_mix() {
    // Phone 60 %, chat 90 %: a topic that is only on the phone is not therefore falling, nor is
    // one whose contacts all move to the phone.
    let lane = |channel, moved: bool| Lane {
        channel,
        points: (0..DAYS)
            .map(|d| {
                let rated = if moved && d >= FROM {
                    [20, 0][channel]
                } else {
                    10
                };
                Point {
                    contacts: rated,
                    customers: rated,
                    rated,
                    anonymous: 0,
                    satisfied: rated * [6, 9][channel] / 10,
                }
            })
            .collect(),
    };
    let both = |moved| Series {
        lanes: vec![lane(0, moved), lane(1, moved)],
    };
    let phone_only = Series {
        lanes: vec![lane(0, false)],
    };
    let topics = [both(true), both(false), both(false), phone_only];
    let channels = vec!["phone".to_owned(), "chat".to_owned()];
    let context = Context::new(start(), calendar(DAYS), channels, &topics);
    assert!(ringing(&rule("csat_fall", Value::Null), &context, &topics).is_empty());
}

#[test]
fn the_list_of_unusual_topics() {
    let (context, topics) = tenant(|i, y, s| match i {
        4 => (y * 3, s),
        9 => (y, 1),
        _ => (y, s),
    });
    let names: Vec<Subject> = (0..20).map(|i| Subject::topic(format!("t{i}"))).collect();
    let all: Vec<Watched<'_>> = topics
        .iter()
        .zip(&names)
        .map(|(series, subject)| watched(subject, series))
        .collect();
    let list = unusual(&context, &all, FROM);
    let what: Vec<(&str, Unusual)> = list
        .iter()
        .map(|f| (f.subject.key.as_str(), f.what))
        .collect();
    assert!(
        what.contains(&("t4", Unusual::Contacts)) && what.contains(&("t9", Unusual::Satisfaction)),
        "{what:?}"
    );
    assert!(list.len() <= 3, "{what:?}");
    assert!(list.is_sorted_by(|a, b| a.chance <= b.chance));
    assert_eq!(unusual(&context, &all, 80), []);
}

#[test]
fn a_silent_source_rings_and_is_told_from_a_thin_one() {
    let silent = rule("silent_source", Value::Null);
    let (context, _) = tenant(|_, _, s| (0, s));
    let (subject, series) = context.channel(0).unwrap();
    let found = backtest(
        &silent,
        &context,
        watched(&subject, &series),
        date(0),
        date(FROM + 2),
    );
    let days: Vec<NaiveDate> = found.iter().map(|s| s.window).collect();
    assert_eq!(days, [date(FROM), date(FROM + 1), date(FROM + 2)]);
    assert!(
        found[0].explanation().zh.contains("只收到 0 条"),
        "{}",
        found[0].explanation().zh
    );
    // The volume of a channel that sinks is information.
    let spike = rule("spike", Value::Null);
    let found = backtest(
        &spike,
        &context,
        watched(&subject, &series),
        date(0),
        date(FROM + 2),
    );
    assert_eq!(found.len(), 1);
    assert!(found[0].information && found[0].window == date(FROM));
    let Params::SilentSource(p) = &silent.params else {
        panic!("a rule of silence has its parameters");
    };
    assert_eq!(band(&[3, 2, 4, 3, 0, 1, 2, 3], p).unwrap().silent_at, -1);
    assert_eq!(band(&[200], p), None);
    let busy = band(&[200, 190, 210, 205, 0, 195, 188, 220], p).unwrap();
    assert!((10..=40).contains(&busy.silent_at), "{busy:?}");
    assert!((busy.expected - 197.5).abs() < 1e-9);
}

/// The silent days of a channel whose day `d` brings `contacts(d)`, as numbers of days.
fn silent_days(days: usize, contacts: impl Fn(usize) -> u32) -> Vec<usize> {
    let rule = rule("silent_source", Value::Null);
    let topics = [series(days, |d| (contacts(d), 0, 0))];
    let context = Context::new(start(), calendar(days), vec!["phone".to_owned()], &topics);
    let (subject, total) = context.channel(0).unwrap();
    let at = watched(&subject, &total);
    let found = backtest(&rule, &context, at, date(0), date(days - 1));
    let live: Vec<Signal> = (0..days)
        .flat_map(|d| scan_day(&rule, &context, at, date(d)))
        .collect();
    assert_eq!(found, live, "the live scan and the back-test are one");
    found
        .iter()
        .map(|s| context.index(s.window).unwrap())
        .collect()
}

#[test]
fn an_outage_is_reported_until_data_returns() {
    let usual = |d: usize| 26 + u32::try_from(d * 5 % 9).unwrap();
    let outage = |d: usize| if (84..124).contains(&d) { 0 } else { usual(d) };
    assert_eq!(silent_days(150, outage), (84..124).collect::<Vec<_>>());
    // A channel that was closed for good is reported as long as somebody asks.
    let closed = |d: usize| if d < 84 { usual(d) } else { 0 };
    assert_eq!(silent_days(250, closed), (84..250).collect::<Vec<_>>());
    // A lasting fall by 60 % is none.
    let fallen = |d: usize| if d < 84 { usual(d) } else { usual(d) * 2 / 5 };
    assert_eq!(silent_days(150, fallen), [0; 0]);
}
