use super::*;
use proptest::prelude::*;

fn key(topic: &str, channel: &str) -> FactKey {
    FactKey {
        day: NaiveDate::from_ymd_opt(2026, 3, 1).unwrap(),
        class: Class::Contact,
        topic: topic.to_owned(),
        cause: NONE.to_owned(),
        channel: channel.to_owned(),
        region: "east".to_owned(),
        business_line: NONE.to_owned(),
        tier: NONE.to_owned(),
    }
}

fn rated(rating: u8) -> FactInput {
    FactInput {
        rating: Some(rating),
        satisfied: rating >= 4,
        ..FactInput::bare(Class::Contact)
    }
}

#[test]
fn the_list_of_fields_serves_names_values_get_and_set() {
    let mut counters = Counters::default();
    for (i, name) in (1_i64..).zip(Counters::NAMES) {
        assert!(counters.set(name, i), "{name}");
    }
    for (i, name) in (1_i64..).zip(Counters::NAMES) {
        assert_eq!(counters.get(name), Some(i), "{name}");
        assert_eq!(counters.values()[usize::try_from(i - 1).unwrap()], i);
    }
    assert_eq!(Counters::from_values(counters.values()), counters);
    assert_eq!(counters.get("no_such_field"), None);
    assert!(!counters.set("no_such_field", 1));
    assert_eq!(counters.contacts, 2);
}

#[test]
fn a_rated_contact_counts_in_its_band() {
    let c = Counters::of(&rated(4));
    assert_eq!(
        (c.contacts, c.rated, c.satisfied, c.r4, c.r5),
        (1, 1, 1, 1, 0)
    );
    let unrated = Counters::of(&FactInput {
        satisfied: true,
        ..FactInput::bare(Class::Contact)
    });
    assert_eq!(
        (unrated.rated, unrated.satisfied),
        (0, 0),
        "no rating, no satisfaction"
    );
    let out_of_scale = Counters::of(&rated(9));
    assert_eq!((out_of_scale.rated, out_of_scale.satisfied), (0, 0));
}

#[test]
fn only_contacts_are_contacts() {
    for class in Class::ALL {
        let c = Counters::of(&FactInput::bare(class));
        assert_eq!(c.contacts, i64::from(class == Class::Contact), "{class}");
        assert_eq!(c.voices, 1);
        assert_eq!(class.as_str().parse::<Class>().unwrap(), class);
        assert_eq!(serde_json::to_value(class).unwrap(), class.as_str());
    }
    assert!("contacts".parse::<Class>().is_err());
}

#[test]
fn times_are_summed_in_whole_numbers() {
    let at = |s| {
        Counters::of(&FactInput {
            handle_seconds: Some(s),
            ..FactInput::bare(Class::Contact)
        })
    };
    assert_eq!((at(100).handle_sum, at(100).handle_sq), (100, 10_000));
    assert_eq!(
        (at(100).handle_ln, at(100).handle_ln_sq),
        (4_605_170, 21_207_592)
    );
    assert_eq!(
        (at(0).handle_n, at(0).handle_ln),
        (1, 0),
        "0 s is taken as 1 s"
    );
    assert_eq!(
        at(u32::MAX).handle_sum,
        i64::from(LONGEST_HANDLING),
        "a broken clock does not overflow"
    );
}

#[test]
fn shares_without_a_base_are_undefined() {
    let none = Counters::default();
    assert_eq!(
        (
            none.csat(),
            none.mean_rating(),
            none.negative_share(),
            none.mean_handling()
        ),
        (None, None, None, None)
    );
    let mut c = Counters::of(&rated(5));
    c.add(&Counters::of(&rated(2)));
    assert_eq!(c.csat(), Some(0.5));
    assert_eq!(c.mean_rating(), Some(3.5));
}

#[test]
fn relabelling_moves_a_contribution_and_cancels_when_undone() {
    let mut batch = Batch::new();
    batch.remove(key("a", "phone"), &rated(1));
    batch.add(key("b", "phone"), &rated(1));
    let moved: Vec<_> = batch
        .topic_days()
        .map(|(k, c)| (k.topic.clone(), c.rated))
        .collect();
    assert_eq!(moved, [("a".to_owned(), -1), ("b".to_owned(), 1)]);
    batch.remove(key("b", "phone"), &rated(1));
    batch.add(key("a", "phone"), &rated(1));
    assert!(batch.is_empty(), "there and back leaves no row to write");
}

fn any_input() -> impl Strategy<Value = FactInput> {
    (
        proptest::option::of(1_u8..=5),
        any::<(bool, bool, bool, bool, bool)>(),
        proptest::option::of(any::<bool>()),
        proptest::option::of(prop_oneof![
            Just(Polarity::Negative),
            Just(Polarity::Neutral),
            Just(Polarity::Positive)
        ]),
        proptest::option::of(any::<u32>()),
        proptest::option::of(0_i64..10_000),
        (any::<bool>(), any::<bool>()),
        (
            proptest::option::of(any::<bool>()),
            proptest::option::of(any::<bool>()),
        ),
        proptest::option::of(0_u8..12),
    )
        .prop_map(
            |(
                rating,
                (invited, repeat, bot, transferred, risk),
                resolved,
                sentiment,
                handle_seconds,
                compensation_cents,
                (first_of_day, no_result),
                (first_contact, helpful),
                nps,
            )| {
                FactInput {
                    class: Class::Contact,
                    rating,
                    satisfied: rating.is_some_and(|r| r >= 4),
                    invited,
                    resolved,
                    repeat,
                    bot,
                    transferred,
                    sentiment,
                    risk,
                    handle_seconds,
                    compensation_cents,
                    first_of_day,
                    anonymous: first_of_day && repeat,
                    first_contact,
                    no_result,
                    helpful,
                    nps,
                }
            },
        )
}

proptest! {
    /// Whatever is added, moved and removed, the sum of the deltas is the sum over the voices as
    /// they stand at the end; wide and narrow rows agree.
    #[test]
    fn deltas_add_up_to_the_final_state(voices in proptest::collection::vec((any_input(), 0_usize..3, 0_usize..4), 0..40)) {
        let topics = ["a", "b", "c"];
        let mut batch = Batch::new();
        let mut expected: BTreeMap<TopicDayKey, Counters> = BTreeMap::new();
        for (input, from, to) in &voices {
            batch.add(key(topics[*from], "phone"), input);
            if let Some(to) = topics.get(*to) {
                batch.remove(key(topics[*from], "phone"), input);
                batch.add(key(to, "chat"), input);
                expected.entry(key(to, "chat").topic_day()).or_default().add(&Counters::of(input));
            } else {
                expected.entry(key(topics[*from], "phone").topic_day()).or_default().add(&Counters::of(input));
            }
        }
        let got: BTreeMap<_, _> = batch.topic_days().map(|(k, c)| (k.clone(), *c)).collect();
        prop_assert_eq!(&got, &expected);
        let mut wide = Counters::default();
        for (_, c) in batch.facts() { wide.add(c); }
        let mut narrow = Counters::default();
        for c in got.values() { narrow.add(c); }
        prop_assert_eq!(wide, narrow);
        let keys: Vec<_> = batch.facts().map(|(k, _)| k.clone()).collect();
        prop_assert!(keys.is_sorted());
    }
}

#[test]
fn the_newer_figures_count_where_they_belong() {
    let c = Counters::of(&FactInput {
        first_contact: Some(false),
        nps: Some(6),
        ..FactInput::bare(Class::Contact)
    });
    assert_eq!((c.customers, c.fcr, c.fcr_known), (1, 0, 1));
    assert_eq!((c.nps_n, c.nps_promoters, c.nps_detractors), (1, 0, 1));
    let of = |nps| {
        let c = Counters::of(&FactInput {
            nps: Some(nps),
            ..FactInput::bare(Class::Contact)
        });
        (c.nps_n, c.nps_promoters, c.nps_detractors)
    };
    assert_eq!([of(7), of(8)], [(1, 0, 0); 2], "passives");
    assert_eq!([of(9), of(10)], [(1, 1, 0); 2], "promoters");
    assert_eq!(of(11), (0, 0, 0), "no such mark");
    assert_eq!(c.nps_alone, 1);
    let both = Counters::of(&FactInput {
        nps: Some(2),
        ..rated(2)
    });
    assert_eq!((both.nps_detractors, both.nps_alone), (1, 0));
    assert_eq!(
        (both.bad_marks(1), both.bad_marks(2), c.bad_marks(1)),
        (0, 1, 1)
    );
    let vote = |helpful| {
        let c = Counters::of(&FactInput {
            helpful,
            ..FactInput::bare(Class::Vote)
        });
        (c.voices, c.helpful, c.unhelpful)
    };
    assert_eq!(vote(None), (1, 0, 0), "a view is no vote");
    assert_eq!(
        (vote(Some(true)), vote(Some(false))),
        ((1, 1, 0), (1, 0, 1))
    );
    let none = Counters::default();
    assert_eq!(
        (
            none.fcr_share(),
            none.nps(),
            none.unhelpful_share(),
            none.no_result_share()
        ),
        (None, None, None, None)
    );
}

#[test]
fn rows_beside_topics_add_up_and_count_no_customers() {
    let key = DetailKey {
        day: NaiveDate::from_ymd_opt(2026, 3, 1).unwrap(),
        kind: Detail::Agent,
        subject: "a7".to_owned(),
    };
    let mut batch = Batch::new();
    batch.add_detail(key.clone(), &rated(4));
    batch.add_detail(key.clone(), &rated(2));
    let all: Vec<_> = batch
        .details()
        .map(|(k, c)| (k.clone(), c.rated, c.customers))
        .collect();
    assert_eq!(all, [(key.clone(), 2, 0)]);
    batch.remove_detail(key.clone(), &rated(2));
    batch.remove_detail(key, &rated(4));
    assert!(batch.is_empty());
    for detail in Detail::ALL {
        assert_eq!(Detail::parse(detail.as_str()), Some(detail));
    }
}
