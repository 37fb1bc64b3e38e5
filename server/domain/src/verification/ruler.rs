//! What becomes of a verdict when the ruler changes that it was measured by: the words that define the
//! topics, or the classifier.
//!
//! Both windows are labelled anew then, so that the same days count other voices. A verdict that was decided
//! does not become `pending` because of it: where the new ruler leaves too little to decide, what the old one
//! decided stands, and says so. Where the new one decides otherwise, that counts, and its cause is named.

use super::{Guard, LabelVersion, Sentence, Verdict, Verification};
use crate::analysis::{Unlike, same_ruler, unlike};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// A verdict that another ruler measured anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewRuler {
    /// The day it was found out.
    pub on: NaiveDate,
    /// The classifier is another one; else the words of the topics were changed.
    pub classifier: bool,
    /// What had been decided by the old one.
    pub was: Verdict,
    /// The new one leaves too little: what was decided by the old one stands.
    pub kept: bool,
    /// Answers before the fix by the old ruler and by the new one.
    pub before: [i64; 2],
    /// The same after it.
    pub after: [i64; 2],
}

/// The one ruler of some days; `None` where there are several, or none.
#[must_use]
pub fn only_ruler(versions: &[LabelVersion]) -> Option<String> {
    let mut names: Vec<&str> = versions.iter().map(|v| v.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [one] => Some((*one).to_owned()),
        _ => None,
    }
}

/// The result that stands when `present` was measured before and `next` is what is measured now, both of
/// the same fix.
#[must_use]
pub fn by_new_ruler(
    present: &Verification,
    next: Verification,
    min_answers: u32,
    today: NaiveDate,
) -> Verification {
    let decided = present.verdict != Verdict::Pending;
    let few = |n: i64| n < i64::from(min_answers);
    let too_little = next.verdict == Verdict::Pending || few(next.before.n) || few(next.after.n);
    let other = match (&present.ruler, &next.ruler) {
        (Some(a), Some(b)) if !same_ruler(a, b) => Some((a, b)),
        _ => None,
    };
    match (other, &present.new_ruler) {
        (Some((a, b)), _) if decided && (too_little || next.verdict != present.verdict) => {
            let found = NewRuler {
                on: today,
                classifier: matches!(unlike([&**a, &**b]), Some(Unlike::Classifiers(_))),
                was: present.verdict,
                kept: too_little,
                before: [present.before.n, next.before.n],
                after: [present.after.n, next.after.n],
            };
            if too_little {
                // Its own words of an earlier change give way.
                let mut kept = present.clone();
                kept.guards.retain(|g| g.code != CODE);
                if let Some(own) = &present.new_ruler {
                    kept.sentence = without(&kept.sentence, &own.sentence(&next));
                }
                kept.computed_at = next.computed_at;
                kept.ruler.clone_from(&next.ruler);
                said(kept, found, &next)
            } else {
                let figures = next.clone();
                said(next, found, &figures)
            }
        }
        // By the same ruler as last time: what it had changed is still so.
        (None, Some(known)) if known.kept && too_little => present.clone(),
        (None, Some(known)) => {
            let found = NewRuler {
                kept: false,
                ..known.clone()
            };
            if found.was == next.verdict {
                return next;
            }
            let figures = next.clone();
            said(next, found, &figures)
        }
        _ => next,
    }
}

/// The flag's name.
const CODE: &str = "new_ruler";

/// A result that says what another ruler did to it: in its sentence and by a flag.
fn said(mut result: Verification, found: NewRuler, figures: &Verification) -> Verification {
    let sentence = found.sentence(figures);
    result.sentence = Sentence {
        zh: format!("{}{}", result.sentence.zh, sentence.zh),
        en: format!("{} {}", result.sentence.en, sentence.en),
    };
    #[expect(clippy::cast_precision_loss, reason = "counts of answers")]
    let float = |n: i64| n as f64;
    result.guards.push(Guard {
        code: CODE.to_owned(),
        before: float(found.before[0]),
        after: float(found.before[1]),
        sentence,
    });
    result.new_ruler = Some(found);
    result
}

fn without(sentence: &Sentence, end: &Sentence) -> Sentence {
    let cut = |text: &str, end: &str| text.strip_suffix(end).unwrap_or(text).trim_end().to_owned();
    Sentence {
        zh: cut(&sentence.zh, &end.zh),
        en: cut(&sentence.en, &end.en),
    }
}

impl NewRuler {
    fn sentence(&self, figures: &Verification) -> Sentence {
        let (what_zh, what_en) = if self.classifier {
            ("分类器在此后换过", "The classifier has been replaced since")
        } else {
            (
                "主题的关键词在此后改过",
                "The words that define the topics have been changed since",
            )
        };
        let unit = figures.metric.unit();
        let ([b0, b1], [a0, a1]) = (self.before, self.after);
        let counts_zh = format!(
            "修复前 {b0} {u}变为 {b1} {u}，修复后 {a0} {u}变为 {a1} {u}",
            u = unit.zh
        );
        let counts_en = format!(
            "{b1} instead of {b0} {u} before the fix, {a1} instead of {a0} after it",
            u = unit.en
        );
        if self.kept {
            Sentence {
                zh: format!(
                    "{what_zh}（{} 发现），全部声音已按现在的重新标注：{counts_zh}，不足以重新判断，因此保留按原来的标注得出的结论。",
                    self.on
                ),
                en: format!(
                    "{what_en} (found on {}) and all voices are labelled by the present ones: {counts_en}. That is too little to judge anew, so what was decided by the former labels stands.",
                    self.on
                ),
            }
        } else {
            Sentence {
                zh: format!(
                    "{what_zh}（{} 发现），全部声音已按现在的重新标注：{counts_zh}；结论因此与之前不同。",
                    self.on
                ),
                en: format!(
                    "{what_en} (found on {}) and all voices are labelled by the present ones: {counts_en}; that is why the verdict is another one than before.",
                    self.on
                ),
            }
        }
    }
}
