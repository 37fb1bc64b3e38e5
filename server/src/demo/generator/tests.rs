use super::*;
use chrono::Datelike;
use domain::verification::Verdict;
use std::collections::{BTreeMap, BTreeSet};

fn until() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 30).unwrap()
}

fn plan() -> Plan {
    Plan::new(1, until())
}

fn whole_text(voice: &Incoming) -> String {
    match &voice.turns {
        Some(turns) => turns
            .iter()
            .filter(|t| t.speaker == Speaker::Customer)
            .map(|t| t.text.as_str())
            .collect::<Vec<_>>()
            .join(" "),
        None => {
            let text = voice.text.clone().unwrap_or_default();
            let turns = domain::text::turns::split(&text);
            if turns.is_empty() {
                return text;
            }
            turns
                .iter()
                .filter(|t| t.speaker == Speaker::Customer)
                .map(|t| t.text)
                .collect::<Vec<_>>()
                .join(" ")
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_stream_and_later_days_go_on() {
    let day = until();
    assert_eq!(plan().day(day), plan().day(day));
    assert_ne!(plan().day(day), Plan::new(2, until()).day(day));
    let later = day + Days::new(10);
    assert!(
        plan().day(later).len() > 300,
        "the stream goes on after its history"
    );
    assert!(
        plan()
            .day(plan().first_day().pred_opt().unwrap())
            .is_empty()
    );
    assert_eq!((until() - plan().first_day()).num_days(), 119);
}

#[test]
fn the_texts_hold_the_counts_that_are_measured() {
    let day = until() - Days::new(30);
    let index = (day - plan().first_day()).num_days();
    let voices = plan().day(day);
    let mut drawn = BTreeMap::new();
    for (at, theme) in THEMES.iter().enumerate() {
        for (channel, c) in CHANNELS.iter().zip(counts(1, at, theme, index, day)) {
            if c.contacts > 0 {
                drawn.insert(
                    (at, channel.key.to_owned()),
                    (c.contacts, c.rated, c.satisfied),
                );
            }
        }
    }
    let mut written: BTreeMap<_, (u32, u32, u32)> = BTreeMap::new();
    for v in &voices {
        let at: usize = v.external_id.as_ref().unwrap()[11..13].parse().unwrap();
        let entry = written.entry((at, v.channel.clone().unwrap())).or_default();
        entry.0 += 1;
        if let Some(Scalar::Number(rating)) = v.rating {
            entry.1 += 1;
            entry.2 += u32::from(rating >= 4.0);
        }
    }
    assert_eq!(written, drawn);
    let ids: BTreeSet<_> = voices.iter().map(|v| v.external_id.clone()).collect();
    assert_eq!(ids.len(), voices.len());
    assert!(voices.is_sorted_by_key(|v| match &v.occurred_at {
        Some(Scalar::Text(at)) => at.clone(),
        other => panic!("{other:?}"),
    }));
}

#[test]
fn fix_topics_have_sixty_ratings_a_day_and_ring_once() {
    for seed in 1..=20 {
        let plan = Plan::new(seed, until());
        for story in plan.stories() {
            let (at, theme) = THEMES
                .iter()
                .enumerate()
                .find(|(_, t)| t.story == Some(story.kind))
                .unwrap();
            let (mut rated, mut over) = (0, Vec::new());
            for index in 0..DAYS {
                let day = plan.date(index);
                let counts = counts(seed, at, theme, index, day);
                rated += counts.iter().map(|c| c.rated).sum::<u32>();
                if counts.iter().map(|c| c.contacts).sum::<u32>() > story.limit {
                    over.push(day);
                }
            }
            assert!(
                rated / 120 >= 60,
                "seed {seed}, {:?}: {} a day",
                story.kind,
                rated / 120
            );
            assert_eq!(over, [story.alarm_day], "seed {seed}, {:?}", story.kind);
        }
    }
}

#[test]
fn a_story_runs_in_order_and_its_horizon_fits_the_history() {
    for seed in 1..=50 {
        for story in Plan::new(seed, until()).stories() {
            let mut days = vec![story.alarm_day, story.accepted_day];
            days.extend(story.progress.iter().map(|s| s.day));
            days.push(story.effective_day);
            assert!(days.is_sorted(), "{story:?}");
            assert!(
                story.effective_day + Days::new(28 + 2) <= until(),
                "{story:?}"
            );
            assert!(story.owner.email.ends_with(".example"));
        }
    }
    let departments = plan().departments();
    assert_eq!(departments.iter().map(|d| d.topics.len()).sum::<usize>(), 9);
}

/// A plain search for the starter set's words, over a week of texts: each voice's own topic must win
/// it, and the emerging theme must stay unexplained.
#[test]
fn the_starter_set_knows_the_texts() {
    let set: serde_json::Value =
        serde_json::from_str(include_str!("../../analysis/starter/telecom.json")).unwrap();
    let topics: Vec<(String, Vec<String>)> = set["topics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| {
            let words = t["words"]
                .as_array()
                .unwrap()
                .iter()
                .map(|w| w.as_str().unwrap().to_owned());
            let synonyms = t["synonyms"].as_object().unwrap().keys().cloned();
            (
                t["key"].as_str().unwrap().to_owned(),
                words.chain(synonyms).collect(),
            )
        })
        .collect();
    let score = |text: &str, words: &[String]| -> usize {
        words
            .iter()
            .filter(|w| text.contains(w.as_str()))
            .map(|w| w.chars().count())
            .sum()
    };
    let (mut right, mut wrong, mut explained, mut emerging) =
        (0_u32, BTreeMap::<String, u32>::new(), 0_u32, 0_u32);
    let mut distinct = BTreeSet::new();
    for back in 0..7 {
        for voice in plan().day(until() - Days::new(back)) {
            let text = whole_text(&voice).to_lowercase();
            distinct.insert(text.clone());
            let at: usize = voice.external_id.as_ref().unwrap()[11..13].parse().unwrap();
            let best = topics
                .iter()
                .map(|(key, words)| (score(&text, words), key))
                .max_by_key(|(s, _)| *s)
                .unwrap();
            match THEMES[at].key {
                Some(key) if best.0 > 0 && best.1 == key => right += 1,
                Some(key) => {
                    *wrong
                        .entry(format!(
                            "{key} → {}: {text}",
                            if best.0 > 0 { best.1 } else { "none" }
                        ))
                        .or_default() += 1
                }
                None => {
                    emerging += 1;
                    explained += u32::from(best.0 > 0);
                }
            }
        }
    }
    let missed: u32 = wrong.values().sum();
    assert!(
        f64::from(missed) < 0.01 * f64::from(right),
        "{missed} of {right}: {wrong:#?}"
    );
    assert!(
        emerging > 100 && f64::from(explained) < 0.02 * f64::from(emerging),
        "{explained} of {emerging}"
    );
    assert!(distinct.len() > 2000, "{} distinct texts", distinct.len());
}

#[test]
fn the_stream_is_plausible() {
    let voices: Vec<_> = (0..14)
        .flat_map(|back| plan().day(until() - Days::new(back)))
        .collect();
    let share = |f: &dyn Fn(&Incoming) -> bool| {
        voices.iter().filter(|v| f(v)).count() as f64 / voices.len() as f64
    };
    let english = share(&|v| v.language.as_deref() == Some("en"));
    assert!((0.03..0.07).contains(&english), "{english}");
    let transcripts =
        share(&|v| v.turns.is_some() || v.text.as_ref().is_some_and(|t| t.contains("客服:")));
    assert!((0.2..0.5).contains(&transcripts), "{transcripts}");
    let personal = share(&|v| domain::text::mask::mask(&whole_text(v)).found.total() > 0);
    assert!((0.03..0.09).contains(&personal), "{personal}");
    let weekday = |f: fn(u32) -> bool| {
        let days: Vec<_> = (0..28)
            .map(|b| until() - Days::new(b))
            .filter(|d| f(d.weekday().num_days_from_monday()))
            .collect();
        days.iter().map(|d| plan().day(*d).len()).sum::<usize>() / days.len()
    };
    assert!(
        weekday(|d| d >= 5) * 10 < weekday(|d| d < 5) * 9,
        "weekends are quieter"
    );
    // Nothing is labelled in advance, and every voice is accepted as it is.
    for voice in &voices {
        assert!(voice.topic.is_none() && voice.cause.is_none() && voice.sentiment.is_none());
        let json = serde_json::to_value(voice).unwrap();
        assert_eq!(Incoming::from_json(json).unwrap(), *voice);
    }
}

#[test]
fn the_default_seed_shows_all_three_verdicts_whenever_it_starts() {
    for back in 0..7 {
        let until = until() - Days::new(back);
        let expected = [Verdict::Improved, Verdict::NoEffect, Verdict::Recovered];
        assert_eq!(verdicts(DEFAULT_SEED, until), expected, "{until}");
    }
}

#[test]
fn the_verification_tells_the_stories_apart() {
    let measured = measure(1..=200);
    let of = |story: usize, verdict| f64::from(measured.outcomes[story].count(verdict)) / 200.0;
    assert!(of(0, Verdict::Improved) >= 0.90, "{measured}");
    assert!(of(1, Verdict::Improved) <= 0.05, "{measured}");
    assert!(of(2, Verdict::Improved) <= 0.05, "{measured}");
    assert!(of(2, Verdict::Recovered) >= 0.80, "{measured}");
    assert!(
        measured.outcomes[2].naive_success >= 180,
        "a naive comparison calls it a success: {measured}"
    );
}
