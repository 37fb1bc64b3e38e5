use super::*;
use chrono::NaiveDate;
use serde_json::{Value, json};

mod rules {
    use super::*;

    fn detector(scope: Scope) -> Detector {
        Detector {
            scope,
            ..Detector::new(
                "d",
                Params::Threshold(ThresholdParams {
                    limit: 50,
                    window: Window::DAY,
                }),
            )
        }
    }

    fn day(d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, d).unwrap()
    }

    fn path(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|k| (*k).to_owned()).collect()
    }

    #[test]
    fn a_threshold_fires_when_the_count_exceeds_the_limit() {
        let d = detector(Scope::default());
        assert!(!d.fires(day(1), 50));
        assert!(d.fires(day(1), 51));
        let off = Detector {
            enabled: false,
            ..d
        };
        assert!(!off.fires(day(1), 51));
    }

    #[test]
    fn a_mute_ends_by_itself() {
        let mut d = detector(Scope::default());
        d.mute = Some(Mute {
            until: day(5),
            reason: "双十一".into(),
        });
        assert!(!d.fires(day(5), 99));
        assert!(d.fires(day(6), 99));
        assert_eq!(d.check(), Ok(()));
        d.mute = Some(Mute {
            until: day(5),
            reason: " ".into(),
        });
        assert_eq!(d.check().unwrap_err().field, "mute.reason");
    }

    #[test]
    fn scope_is_a_subtree_a_channel_and_a_region() {
        let d = detector(Scope {
            topic: Some("物流".into()),
            ..Scope::default()
        });
        assert!(d.watches(&path(&["退换", "物流"]), "phone", ""));
        assert!(!d.watches(&path(&["退款"]), "phone", ""));
        assert_eq!(d.subject("退换"), "物流");
        let d = detector(Scope {
            channel: Some("chat".into()),
            ..Scope::default()
        });
        assert!(d.watches(&path(&["退款"]), "chat", ""));
        assert!(!d.watches(&path(&["退款"]), "phone", ""));
        assert!(
            !d.watches(&[], "chat", ""),
            "a voice without topic is nobody's signal"
        );
        assert_eq!(d.subject("退款"), "退款");
    }

    #[test]
    fn other_scopes_are_other_issues() {
        let here = Scope {
            region: Some("华东".into()),
            ..Scope::default()
        };
        assert_ne!(
            issue_key("a", None, &here),
            issue_key("a", None, &Scope::default())
        );
        assert_ne!(
            issue_key("a", Some("b"), &here),
            issue_key("a", None, &here)
        );
    }

    #[test]
    fn rules_and_signals_of_the_first_version_still_read() {
        let old = json!({"key": "退款-每日上限", "kind": "threshold", "scope": {"topic": "退款"},
            "params": {"limit": 50, "window": "1d"}, "enabled": true, "owner": null, "version": 3});
        let d: Detector = serde_json::from_value(old.clone()).unwrap();
        assert_eq!((d.limit(), d.version, d.mute.as_ref()), (Some(50), 3, None));
        assert_eq!(serde_json::to_value(&d).unwrap(), old);
        let old = json!({"detector": "d", "detector_version": 1, "kind": "threshold",
            "window": "2026-03-01", "count": 51, "limit": 50});
        let s: Signal = serde_json::from_value(old).unwrap();
        assert_eq!((s.count, s.subject.key.as_str()), (51, ""));
        assert_eq!(
            s.explanation().zh,
            "2026-03-01 当天 51 次联系，超过上限 50 次（规则 d 第 1 版）"
        );
    }

    #[test]
    fn every_kind_but_two_needs_no_parameter_and_its_defaults_pass() {
        for kind in Kind::ALL {
            let written = json!({"key": "d", "kind": kind.as_str()});
            let read = serde_json::from_value::<Detector>(written);
            match kind {
                Kind::Threshold => {
                    let error = read.unwrap_err().to_string();
                    assert!(error.contains("missing field `params.limit`"), "{error}");
                }
                Kind::Phrase => {
                    let error = read.unwrap().check().unwrap_err();
                    assert_eq!(
                        (error.field.as_str(), error.code),
                        ("params.phrases", "out_of_range")
                    );
                }
                _ => {
                    let d = read.unwrap();
                    assert_eq!(d.check(), Ok(()), "{kind:?}");
                    assert_eq!((d.kind, d.params.kind()), (kind, kind));
                    let again: Detector =
                        serde_json::from_value(serde_json::to_value(&d).unwrap()).unwrap();
                    assert_eq!(again, d);
                }
            }
        }
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let cases = [
            ("spike", json!({"facter": 2}), "params.facter", "unknown"),
            (
                "spike",
                json!({"factor": "much"}),
                "params.factor",
                "wrong_type",
            ),
            (
                "spike",
                json!({"factor": 1.0}),
                "params.factor",
                "out_of_range",
            ),
            ("threshold", json!({}), "params.limit", "required"),
            (
                "threshold",
                json!({"limit": "x"}),
                "params.limit",
                "wrong_type",
            ),
            (
                "threshold",
                json!({"limit": 5, "window": "2w"}),
                "params.window",
                "wrong_type",
            ),
            (
                "risk",
                json!({"window": "04h"}),
                "params.window",
                "wrong_type",
            ),
            (
                "low_rating",
                json!({"window": "48h"}),
                "params.window",
                "out_of_range",
            ),
            (
                "threshold",
                json!({"limit": 100_001, "window": "1h"}),
                "params.limit",
                "out_of_range",
            ),
            ("csat_fall", json!({"limit": 5}), "params.limit", "unknown"),
            (
                "low_rating",
                json!({"max_rating": 5}),
                "params.max_rating",
                "out_of_range",
            ),
            ("risk", json!([1]), "params", "wrong_type"),
        ];
        for (kind, params, field, code) in cases {
            let kind: Kind = serde_json::from_value(Value::from(kind)).unwrap();
            let error = Params::read(kind, &params)
                .and_then(|p| p.check())
                .unwrap_err();
            assert_eq!(
                (error.field.as_str(), error.code),
                (field, code),
                "{params}"
            );
        }
    }

    #[test]
    fn every_kind_says_why_with_its_versions() {
        for kind in Kind::ALL {
            let d = Detector {
                kind,
                ..detector(Scope::default())
            };
            let mut s = Signal::counted(&d, Subject::topic("退款"), day(9), 61, Some(40))
                .with_classifier(Some("kw@2".into()));
            s.baseline = Some(31.5);
            s.statistic = Some(4.25);
            s.threshold = Some(0.001);
            s.change_day = Some(day(7));
            let text = s.explanation();
            for part in ["61", "规则 d 第 1 版", "分类器 kw@2"] {
                if kind != Kind::AgentDrift || part != "61" {
                    assert!(text.zh.contains(part), "{kind:?}: {}", text.zh);
                }
            }
            assert!(
                text.en.contains("rule d version 1, classifier kw@2"),
                "{}",
                text.en
            );
            let old = s.clone();
            s.part_of = Some(Subject::new(SubjectKind::Channel, "电话"));
            assert!(s.explanation().zh.contains("电话") && !old.explanation().zh.contains("电话"));
            let again: Signal = serde_json::from_str(&serde_json::to_string(&s).unwrap()).unwrap();
            assert_eq!(again, s);
        }
    }
}

mod counted;
mod daily;
mod properties;
mod together;

use super::series::{Context, Day, Lane, Point, Series};

/// Monday.
fn start() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 1, 6).unwrap()
}

fn date(d: usize) -> NaiveDate {
    start() + chrono::Days::new(u64::try_from(d).unwrap())
}

fn calendar(days: usize) -> Vec<Day> {
    (0..days)
        .map(|d| Day {
            off: d % 7 >= 5,
            left_out: false,
        })
        .collect()
}

/// One channel, every contact by another customer.
fn series(days: usize, point: impl Fn(usize) -> (u32, u32, u32)) -> Series {
    let points = (0..days)
        .map(|d| {
            let (contacts, rated, satisfied) = point(d);
            Point {
                contacts,
                customers: contacts,
                rated,
                satisfied,
                ..Point::default()
            }
        })
        .collect();
    Series {
        lanes: vec![Lane { channel: 0, points }],
    }
}

fn context(days: usize, topics: &[Series]) -> Context {
    Context::new(start(), calendar(days), vec!["phone".into()], topics)
}

fn watched<'a>(subject: &'a Subject, series: &'a Series) -> Watched<'a> {
    Watched {
        subject,
        series,
        open: &[],
    }
}

fn rule(kind: &str, params: Value) -> Detector {
    serde_json::from_value(json!({"key": kind, "kind": kind, "params": params, "version": 2}))
        .unwrap()
}

/// A little noise that is always the same: 0, 1 or 2 by day.
fn wobble(d: usize) -> u32 {
    [1, 0, 2, 1, 1, 0, 2, 0, 1, 2, 1][d % 11]
}
