//! Labels: what was said of one voice, by whom, and who wins.

use crate::facts::{
    Class, DeedKey, Detail, DetailKey, FactInput, FactKey, LONGEST_SUBJECT, Polarity,
};
use crate::intake::feedback::{Feedback, GivenLabels, HandledBy, Sentiment};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who gave a label. Later ones in this list win over earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A classifier plugin.
    Classifier,
    /// The system that sent the voice was sure.
    Sender,
    /// A person corrected it.
    Person,
}

impl Source {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::Sender => "sender",
            Self::Person => "person",
        }
    }

    /// The source of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Classifier, Self::Sender, Self::Person]
            .into_iter()
            .find(|s| s.as_str() == name)
    }
}

/// What was said of one voice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// Topic key; `None`: no topic explains it.
    pub topic: Option<String>,
    /// Cause inside the topic.
    pub cause: Option<String>,
    /// Which way it leans.
    pub polarity: Option<Sentiment>,
    /// −1 (negative) to 1 (positive).
    pub sentiment: f64,
    /// 0 to 1: wants a person at once.
    pub risk: f64,
    /// 0 to 1: how sure the topic is.
    pub confidence: f64,
    /// Who said so.
    pub source: Source,
    /// Name of the classifier; empty for others.
    pub classifier: String,
    /// Its version; empty for others.
    pub classifier_version: String,
    /// Which definition of the topics it knew ([`definition`] of their words); empty where that was not
    /// written down: in labels of an earlier version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub definition: String,
}

/// The classifier, its version and the definition of the topics that it knew, as one word: days that
/// were labelled by two rulers cannot be compared. The same classifier with other words for a topic is
/// another ruler. An empty definition is an unknown one.
#[must_use]
pub fn ruler(classifier: &str, version: &str, definition: &str) -> String {
    if definition.is_empty() {
        format!("{classifier}@{version}")
    } else {
        format!("{classifier}@{version}#{definition}")
    }
}

/// In the place of a definition: the topic is not the classifier's, so that no word of it matters.
const GIVEN: &str = "given";

/// The classifier with its version, and the definition if it matters.
fn parts(ruler: &str) -> (&str, Option<&str>) {
    let (classifier, definition) = ruler.split_once('#').unwrap_or((ruler, ""));
    (classifier, (definition != GIVEN).then_some(definition))
}

/// Whether what `ruler` measured may stand beside what `present` measures.
#[must_use]
pub fn same_ruler(ruler: &str, present: &str) -> bool {
    let ((a, x), (b, y)) = (parts(ruler), parts(present));
    a == b && x.zip(y).is_none_or(|(x, y)| x == y)
}

/// Why what some rulers measured cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unlike {
    /// They are of different classifiers: these.
    Classifiers(Vec<String>),
    /// It is one classifier, but the topics were defined by other words: so many definitions.
    Definitions(usize),
}

/// Whether some rulers are one.
#[must_use]
pub fn unlike<'a>(rulers: impl IntoIterator<Item = &'a str>) -> Option<Unlike> {
    let all: Vec<(&str, Option<&str>)> = rulers.into_iter().map(parts).collect();
    let classifiers: BTreeSet<&str> = all.iter().map(|(classifier, _)| *classifier).collect();
    if classifiers.len() > 1 {
        let names = classifiers.into_iter().map(str::to_owned).collect();
        return Some(Unlike::Classifiers(names));
    }
    let definitions: BTreeSet<&str> = all.iter().filter_map(|(_, d)| *d).collect();
    (definitions.len() > 1).then(|| Unlike::Definitions(definitions.len()))
}

impl Label {
    /// What measured this voice ([`ruler`]); empty where no topic or sentiment of it is a classifier's:
    /// a person corrected it, or the sender was sure of both (`given`).
    #[must_use]
    pub fn ruler(&self, given: &GivenLabels) -> String {
        let sure = given.topic.is_some() && given.sentiment.is_some();
        if self.source == Source::Person || sure || self.classifier.is_empty() {
            return String::new();
        }
        let definition = if given.topic.is_some() && !self.definition.is_empty() {
            GIVEN
        } else {
            &self.definition
        };
        ruler(&self.classifier, &self.classifier_version, definition)
    }
}

/// From this risk on a voice counts as risky in the facts.
pub const RISKY: f64 = 0.5;

/// Lays what a sender or a person is sure of over what a classifier said. A given topic drops a
/// classifier's cause: causes belong to their topic.
#[must_use]
pub fn overrule(classified: Label, given: &GivenLabels, by: Source) -> Label {
    if given == &GivenLabels::default() {
        return classified;
    }
    let mut label = Label {
        source: by,
        ..classified
    };
    if let Some(topic) = &given.topic {
        if label.topic.as_ref() != Some(topic) {
            label.cause = None;
        }
        label.topic = Some(topic.clone());
        label.confidence = 1.0;
    }
    if let Some(cause) = &given.cause {
        label.cause = Some(cause.clone());
    }
    if let Some(sentiment) = given.sentiment {
        label.polarity = Some(sentiment);
        label.sentiment = match sentiment {
            Sentiment::Negative => -1.0,
            Sentiment::Neutral | Sentiment::Mixed => 0.0,
            Sentiment::Positive => 1.0,
        };
    }
    label
}

/// What intake found out about a voice by looking at the customer's other voices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The same customer came back with the same topic within 7 days.
    pub repeat: bool,
    /// It stands for its customer: exactly one voice of each (customer, class, topic, day) does, and
    /// every voice without a customer.
    pub first_of_day: bool,
}

/// What a labelled voice adds to the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// Its row of the wide table; the narrow one follows from it.
    pub key: FactKey,
    /// What it is about beside a topic.
    pub details: Vec<DetailKey>,
    /// What its customer did that rules count; nothing of an unknown customer.
    pub deeds: Vec<DeedKey>,
    /// Its figures.
    pub input: FactInput,
}

/// What a labelled voice adds to the facts; `None` for an undated one, which stays outside them.
#[must_use]
pub fn contribution(voice: &Feedback, label: &Label, flags: Flags) -> Option<Contribution> {
    let day = voice.day?;
    let class = voice.class;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let key = FactKey {
        day,
        class,
        topic: text(&label.topic),
        cause: text(&label.cause),
        channel: voice.channel.clone(),
        region: text(&voice.region),
        business_line: text(&voice.business_line),
        tier: text(&voice.customer_tier),
    };
    let input = FactInput {
        class,
        rating: voice.rating.as_ref().map(|r| r.band),
        satisfied: voice.rating.as_ref().is_some_and(|r| r.satisfied),
        // Whoever rated was asked, whatever the export says.
        invited: voice.invited.unwrap_or(false) || voice.rating.is_some(),
        resolved: voice.figures.resolved,
        repeat: flags.repeat,
        bot: voice.figures.handled_by == Some(HandledBy::Bot),
        transferred: voice.figures.transferred.unwrap_or(false),
        sentiment: label.polarity.map(|p| match p {
            Sentiment::Negative => Polarity::Negative,
            Sentiment::Neutral | Sentiment::Mixed => Polarity::Neutral,
            Sentiment::Positive => Polarity::Positive,
        }),
        risk: label.risk >= RISKY,
        handle_seconds: voice.figures.handle_seconds,
        compensation_cents: voice.figures.compensation_cents,
        first_of_day: flags.first_of_day,
        anonymous: voice.customer_hash.is_none(),
        first_contact: voice.figures.resolved_first_contact,
        no_result: class == Class::Search && voice.figures.hits == Some(0),
        helpful: voice.figures.helpful.filter(|_| class == Class::Vote),
        nps: voice.nps,
    };
    let details = details(voice);
    Some(Contribution {
        deeds: DeedKey::of(&key, &details, &input, voice.customer_hash.as_deref()),
        details,
        key,
        input,
    })
}

/// What a dated voice is about beside a topic.
#[must_use]
pub fn details(voice: &Feedback) -> Vec<DetailKey> {
    let Some(day) = voice.day else {
        return Vec::new();
    };
    let about = match voice.class {
        Class::Contact | Class::Survey => vec![
            (Detail::Agent, voice.agent_ref.clone()),
            (Detail::Team, voice.team.clone()),
        ],
        Class::Search => vec![(Detail::SearchTerm, voice.query.as_deref().map(search_term))],
        Class::Vote => vec![(Detail::Article, voice.article.clone())],
        Class::Voe => Vec::new(),
    };
    about
        .into_iter()
        .filter_map(|(kind, subject)| {
            let subject = subject.as_deref()?.trim();
            (!subject.is_empty()).then(|| DetailKey {
                day,
                kind,
                subject: subject.chars().take(LONGEST_SUBJECT).collect(),
            })
        })
        .collect()
}

/// One spelling of what was looked for: folded, with single spaces.
#[must_use]
pub fn search_term(query: &str) -> String {
    let folded = crate::text::fold(query).text.into_owned();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a voice at `at` repeats one of the same customer and topic at `earlier`.
/// Microseconds since 1970; a repeat comes within 7 days.
#[must_use]
pub fn is_repeat(earlier: i64, at: i64) -> bool {
    const WEEK: i64 = 7 * 24 * 3600 * 1_000_000;
    earlier < at && at - earlier <= WEEK
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified() -> Label {
        Label {
            topic: Some("退款".into()),
            cause: Some("慢".into()),
            polarity: Some(Sentiment::Negative),
            sentiment: -0.6,
            risk: 0.1,
            confidence: 0.7,
            source: Source::Classifier,
            classifier: "keyword-classifier".into(),
            classifier_version: "0.1.0".into(),
            definition: String::new(),
        }
    }

    #[test]
    fn a_given_topic_wins_and_drops_the_other_topics_cause() {
        let given = GivenLabels {
            topic: Some("物流".into()),
            ..GivenLabels::default()
        };
        let label = overrule(classified(), &given, Source::Sender);
        assert_eq!(label.topic.as_deref(), Some("物流"));
        assert_eq!(label.cause, None);
        assert_eq!(label.source, Source::Sender);
        assert_eq!(
            label.sentiment, -0.6,
            "what was not given stays the classifier's"
        );
    }

    #[test]
    fn the_same_topic_keeps_its_cause() {
        let given = GivenLabels {
            topic: Some("退款".into()),
            ..GivenLabels::default()
        };
        assert_eq!(
            overrule(classified(), &given, Source::Person)
                .cause
                .as_deref(),
            Some("慢")
        );
    }

    #[test]
    fn nothing_given_changes_nothing() {
        assert_eq!(
            overrule(classified(), &GivenLabels::default(), Source::Sender),
            classified()
        );
    }

    #[test]
    fn what_a_person_or_a_sure_sender_said_has_no_ruler() {
        let none = GivenLabels::default();
        assert_eq!(classified().ruler(&none), "keyword-classifier@0.1.0");
        let topic = GivenLabels {
            topic: Some("物流".into()),
            ..GivenLabels::default()
        };
        let half = overrule(classified(), &topic, Source::Sender);
        assert_eq!(
            half.ruler(&topic),
            "keyword-classifier@0.1.0",
            "its sentiment is still the classifier's"
        );
        let both = GivenLabels {
            sentiment: Some(Sentiment::Neutral),
            ..topic.clone()
        };
        assert_eq!(
            overrule(classified(), &both, Source::Sender).ruler(&both),
            ""
        );
        let corrected = overrule(classified(), &topic, Source::Person);
        assert_eq!(corrected.ruler(&none), "");
    }

    #[test]
    fn other_words_for_a_topic_are_another_ruler() {
        let none = GivenLabels::default();
        let of = |definition: &str| Label {
            definition: definition.to_owned(),
            ..classified()
        };
        let (then, now) = (of("a1").ruler(&none), of("b2").ruler(&none));
        assert_eq!(now, "keyword-classifier@0.1.0#b2");
        assert!(!same_ruler(&then, &now));
        assert_eq!(unlike([&*then, &*now]), Some(Unlike::Definitions(2)));
        // Labels of an earlier version do not say what they knew.
        let old = of("").ruler(&none);
        assert!(!same_ruler(&old, &now) && unlike([&*old, &*now]).is_some());
        // Where the sender named the topic, no word of it matters.
        let topic = GivenLabels {
            topic: Some("物流".into()),
            ..GivenLabels::default()
        };
        let sure = overrule(of("a1"), &topic, Source::Sender).ruler(&topic);
        assert!(same_ruler(&sure, &now) && same_ruler(&sure, &then));
        assert_eq!(unlike([&*sure, &*now]), None);
        let other = ruler("mine", "2", "b2");
        assert!(!same_ruler(&other, &now));
        let names = vec!["keyword-classifier@0.1.0".to_owned(), "mine@2".to_owned()];
        assert_eq!(unlike([&*now, &*other]), Some(Unlike::Classifiers(names)));
    }

    #[test]
    fn a_repeat_comes_within_seven_days_and_after() {
        let day = 24 * 3600 * 1_000_000;
        assert!(is_repeat(0, day));
        assert!(is_repeat(0, 7 * day));
        assert!(!is_repeat(0, 7 * day + 1));
        assert!(!is_repeat(day, day));
        assert!(!is_repeat(2 * day, day));
    }
}
