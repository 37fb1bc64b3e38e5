//! What people say that a rule watches for.

use domain::detection::{Detector, Params};
use domain::intake::feedback::Feedback;
use std::collections::BTreeSet;

/// Folded phrases of all phrase rules, each with the number of its rule.
pub(super) struct Phrases(Vec<(usize, String)>);

impl Phrases {
    /// Of these rules, by their place in the list.
    pub(super) fn of(detectors: &[Detector]) -> Self {
        let mut all = Vec::new();
        for (index, detector) in detectors.iter().enumerate() {
            if let Params::Phrase(p) = &detector.params {
                let folded = p.phrases.iter().map(|phrase| fold(phrase));
                all.extend(folded.filter(|f| !f.is_empty()).map(|f| (index, f)));
            }
        }
        Self(all)
    }

    /// Whether no rule watches for anything.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rules one of whose phrases stands in a voice.
    pub(super) fn said(&self, voice: &Feedback) -> BTreeSet<usize> {
        if self.is_empty() {
            return BTreeSet::new();
        }
        let mut text = fold(&voice.text);
        if let Some(title) = &voice.title {
            // A line of its own: a phrase never spans headline and text.
            text.push('\n');
            text.push_str(&fold(title));
        }
        self.0
            .iter()
            .filter(|(_, phrase)| text.contains(phrase.as_str()))
            .map(|(index, _)| *index)
            .collect()
    }
}

fn fold(text: &str) -> String {
    domain::text::fold(text.trim()).text.into_owned()
}
