use super::feedback::*;
use super::mapping::{self, Mapping, Target, guess, header_row, normalise_header};
use super::values::*;
use crate::clock::Timestamp;
use chrono_tz::{America::New_York, Asia::Shanghai, Tz};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// Not cryptographic: the tests only need a function.
fn fnv(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn now() -> Timestamp {
    "2025-12-10T00:00:00Z".parse().unwrap()
}

fn read(value: serde_json::Value) -> Result<Feedback, Rejection> {
    normalise(
        Incoming::from_json(value)?,
        &Rules::new(Shanghai, &fnv),
        now(),
    )
}

fn code(value: serde_json::Value) -> (String, String) {
    let rejection = read(value).unwrap_err();
    (rejection.code.as_str().to_owned(), rejection.field)
}

fn at(text: &str) -> String {
    match parse_time(&Scalar::from(text), Shanghai, ExcelEpoch::Y1900) {
        Ok(Some(at)) => at
            .with_timezone(&Shanghai)
            .format("%Y-%m-%d %H:%M:%S%.f")
            .to_string(),
        Ok(None) => "none".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

// ---------------------------------------------------------------- values

#[test]
fn times_as_people_write_them() {
    for (text, expected) in [
        ("2025-12-04T14:13:22+08:00", "2025-12-04 14:13:22"),
        ("2025-12-04T06:13:22.5Z", "2025-12-04 14:13:22.500"),
        ("2025-12-04 06:13:22 UTC", "2025-12-04 14:13:22"),
        ("2025-12-04 14:13:22 +0800", "2025-12-04 14:13:22"),
        ("2025/12/4 14:13", "2025-12-04 14:13:00"),
        ("2025-12-04 14:13:22", "2025-12-04 14:13:22"),
        ("2025-12-04T14:13:22", "2025-12-04 14:13:22"),
        ("2025.12.4", "2025-12-04 00:00:00"),
        ("2025年12月4日 14时13分", "2025-12-04 14:13:00"),
        ("2025年12月4日14时13分22秒", "2025-12-04 14:13:22"),
        ("2025年12月4日 下午2:13", "2025-12-04 14:13:00"),
        ("2025年12月4日 星期四 14:13", "2025-12-04 14:13:00"),
        ("２０２５／１２／４　１４：１３", "2025-12-04 14:13:00"),
        ("20251204", "2025-12-04 00:00:00"),
        ("20251204141322", "2025-12-04 14:13:22"),
        ("12/13/2025 2:13 PM", "2025-12-13 14:13:00"),
        ("13/12/2025 12:05 am", "2025-12-13 00:05:00"),
        ("12/12/2025", "2025-12-12 00:00:00"),
        ("12/4/2025 2:13 PM", "Ambiguous"),
        ("45995", "2025-12-04 00:00:00"),
        ("45995.592615740738", "2025-12-04 14:13:22"),
        ("1764828802", "2025-12-04 14:13:22"),
        ("1764828802000", "2025-12-04 14:13:22"),
        ("2025-12-04 24:00:00", "2025-12-05 00:00:00"),
        ("", "none"),
        ("-", "none"),
        ("无", "none"),
        ("2025-13-04", "NotATime"),
        ("2025-02-30", "NotATime"),
        ("昨天下午", "NotATime"),
        ("12345", "NotATime"),
        ("1900-01-01 00:00:00", "Year"),
        ("0000-00-00 00:00:00", "NotATime"),
    ] {
        assert_eq!(at(text), expected, "{text}");
    }
    let mac = parse_time(
        &Scalar::Number(45_995.0 - 1_462.0),
        Shanghai,
        ExcelEpoch::Y1904,
    )
    .unwrap();
    assert_eq!(
        mac,
        parse_time(&Scalar::Number(45_995.0), Shanghai, ExcelEpoch::Y1900).unwrap()
    );
}

#[test]
fn gaps_move_forward_and_folds_take_the_first() {
    let at = |text: &str, zone: Tz| {
        parse_time(&Scalar::from(text), zone, ExcelEpoch::Y1900)
            .unwrap()
            .unwrap()
            .to_rfc3339()
    };
    // New York: 2025-03-09 02:00 does not exist, 2025-11-02 01:00 exists twice.
    assert_eq!(
        at("2025-03-09 02:30:00", New_York),
        "2025-03-09T07:30:00+00:00"
    );
    assert_eq!(
        at("2025-11-02 01:30:00", New_York),
        "2025-11-02T05:30:00+00:00"
    );
}

#[test]
fn durations_booleans_and_numbers() {
    for (text, seconds) in [
        ("00:03:25", Ok(Some(205.0))),
        ("3:25", Ok(Some(205.0))),
        ("3分25秒", Ok(Some(205.0))),
        ("205", Ok(Some(205.0))),
        ("205秒", Ok(Some(205.0))),
        ("1小时2分", Ok(Some(3720.0))),
        ("1h 2m", Ok(Some(3720.0))),
        ("3.5分钟", Ok(Some(210.0))),
        ("-", Ok(None)),
        ("很久", Err(())),
        ("-5", Err(())),
        ("1:99", Err(())),
    ] {
        assert_eq!(parse_seconds(&Scalar::from(text)), seconds, "{text}");
    }
    for (text, value) in [
        ("是", Ok(Some(true))),
        ("否", Ok(Some(false))),
        ("Y", Ok(Some(true))),
        ("N", Ok(Some(false))),
        ("TRUE", Ok(Some(true))),
        ("1", Ok(Some(true))),
        ("0", Ok(Some(false))),
        ("已解决", Ok(Some(true))),
        ("未解决", Ok(Some(false))),
        ("", Ok(None)),
        ("也许", Err(())),
    ] {
        assert_eq!(parse_bool(&Scalar::from(text)), value, "{text}");
    }
    assert_eq!(parse_number(&Scalar::from("1,234.5")), Ok(Some(1234.5)));
    assert_eq!(parse_number(&Scalar::from("￥12.50")), Ok(Some(12.5)));
}

#[test]
fn marks_as_numbers_stars_and_words() {
    let rated = |value, max| Ok(Mark::Rated { value, max });
    for (text, mark) in [
        ("5", rated(5.0, None)),
        ("5分", rated(5.0, None)),
        ("非常满意", rated(5.0, Some(5.0))),
        ("满意", rated(4.0, Some(5.0))),
        ("一般", rated(3.0, Some(5.0))),
        ("不满意", rated(2.0, Some(5.0))),
        ("非常不满意", rated(1.0, Some(5.0))),
        ("5-非常满意", rated(5.0, None)),
        ("满意(4分)", rated(4.0, None)),
        ("5星", rated(5.0, Some(5.0))),
        ("五星", rated(5.0, Some(5.0))),
        ("★★★★☆", rated(4.0, Some(5.0))),
        ("★★★", rated(3.0, Some(5.0))),
        ("4/5", rated(4.0, Some(5.0))),
        ("9/10", rated(9.0, Some(10.0))),
        ("好评", rated(3.0, Some(3.0))),
        ("差评", rated(1.0, Some(3.0))),
    ] {
        assert_eq!(parse_mark(&Scalar::from(text)), mark, "{text}");
    }
    for text in [
        "默认好评",
        "系统默认",
        "系统默认好评！",
        "未评价",
        "未评",
        "-",
        "无",
        "",
        "此用户没有填写评价",
        "☆☆☆☆☆",
    ] {
        assert_eq!(
            parse_mark(&Scalar::from(text)),
            Ok(Mark::NotRated),
            "{text}"
        );
    }
    for text in ["挺好的吧大概", "abc", "五颗牙"] {
        assert_eq!(parse_mark(&Scalar::from(text)), Err(()), "{text}");
    }
}

#[test]
fn marks_of_all_scales_become_five_bands() {
    let bands = |max: f64| -> Vec<(u8, bool)> {
        (1..=max as u32)
            .map(|v| map_rating(f64::from(v), max, RatingRule::Standard).unwrap())
            .map(|r| (r.band, r.satisfied))
            .collect()
    };
    assert_eq!(
        bands(5.0),
        [(1, false), (2, false), (3, false), (4, true), (5, true)]
    );
    assert_eq!(bands(2.0), [(1, false), (5, true)]);
    assert_eq!(bands(3.0), [(1, false), (3, false), (5, true)]);
    let ten = bands(10.0);
    assert_eq!(
        ten.iter().map(|b| b.1).collect::<Vec<_>>(),
        [
            false, false, false, false, false, false, false, true, true, true
        ]
    );
    assert!(
        ten.iter()
            .all(|(band, satisfied)| (*band >= 4) == *satisfied)
    );
    let own = map_rating(5.0, 5.0, RatingRule::AtLeast(5.0)).unwrap();
    assert!(own.satisfied && own.rule == "channel:>=5/5");
    assert_eq!(
        map_rating(4.0, 5.0, RatingRule::AtLeast(5.0)).unwrap().band,
        3
    );
    assert_eq!(map_rating(6.0, 5.0, RatingRule::Standard), None);
}

// ---------------------------------------------------------------- feedback

#[test]
fn the_list_of_fields_is_the_record() {
    let record = serde_json::to_value(Incoming::default()).unwrap();
    let mut names: Vec<&str> = record
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut fields = FIELDS.to_vec();
    names.sort_unstable();
    fields.sort_unstable();
    assert_eq!(names, fields);
}

#[test]
fn a_voice_is_cleaned_masked_and_mapped() {
    let voice = read(json!({
        "channel": "phone", "external_id": "WO-1", "occurred_at": "2025-12-04 00:30:00", "kind": "call",
        "text": "客服:您好\n用户:我是陈先生，电话13800138000，\u{0}话费多扣了",
        "rating": "不满意", "customer_ref": "13900139000", "handle_seconds": "00:03:25", "resolved": "否",
        "attributes": {"备注": "回电 a@b.cn", "空": " "}
    }))
    .unwrap();
    assert_eq!(voice.text, "我是〔姓氏〕先生，电话〔手机号〕，话费多扣了");
    assert_eq!(voice.turns.len(), 2);
    assert_eq!((voice.kind, voice.class), (Kind::Call, Class::Contact));
    assert_eq!(voice.day.unwrap().to_string(), "2025-12-04");
    assert_eq!(
        voice.occurred_at.unwrap().to_rfc3339(),
        "2025-12-03T16:30:00+00:00"
    );
    let rating = voice.rating.unwrap();
    assert_eq!(
        (rating.band, rating.satisfied, rating.rule.as_str()),
        (2, false, ">=4/5")
    );
    assert_eq!(voice.figures.handle_seconds, Some(205));
    assert_eq!(voice.figures.resolved, Some(false));
    assert_eq!(
        voice.attributes,
        BTreeMap::from([("备注".to_owned(), "回电 〔邮箱〕".to_owned())])
    );
    assert!(voice.customer_hash.is_some_and(|h| !h.contains("139")));
    assert_eq!(
        (voice.masked.mobile, voice.masked.email, voice.masked.name),
        (1, 1, 1)
    );
}

#[test]
fn refusals_name_code_and_field() {
    let long = "长".repeat(30_000);
    for (value, expected) in [
        (json!({"text": "x"}), ("missing_field", "channel")),
        (json!({"channel": "c"}), ("empty", "text")),
        (
            json!({"channel": "c", "text": " \u{200b}\n"}),
            ("empty", "text"),
        ),
        (
            json!({"channel": "c", "text": "x", "rateing": 5}),
            ("unknown_field", "rateing"),
        ),
        (json!({"channel": "c", "text": 5}), ("wrong_type", "text")),
        (json!({"channel": "c", "text": long}), ("too_long", "text")),
        (
            json!({"channel": "c", "text": "x", "external_id": "i".repeat(513)}),
            ("too_long", "external_id"),
        ),
        (
            json!({"channel": "c", "text": "x", "kind": "fax"}),
            ("unknown_kind", "kind"),
        ),
        (
            json!({"channel": "c", "text": "x", "rating": 6}),
            ("rating_out_of_range", "rating"),
        ),
        (
            json!({"channel": "c", "text": "x", "rating": 0, "rating_max": 10}),
            ("rating_out_of_range", "rating"),
        ),
        (
            json!({"channel": "c", "text": "x", "rating": "??"}),
            ("bad_rating", "rating"),
        ),
        (
            json!({"channel": "c", "text": "x", "nps": 11}),
            ("out_of_range", "nps"),
        ),
        (
            json!({"channel": "c", "text": "x", "ces": 1.5}),
            ("bad_value", "ces"),
        ),
        (
            json!({"channel": "c", "text": "x", "occurred_at": "gestern"}),
            ("bad_time", "occurred_at"),
        ),
        (
            json!({"channel": "c", "text": "x", "occurred_at": "2025-12-11T00:00:01Z"}),
            ("future_time", "occurred_at"),
        ),
        (
            json!({"channel": "c", "text": "x", "sentiment": "wütend"}),
            ("unknown_value", "sentiment"),
        ),
        (
            json!({"channel": "c", "text": "x", "handle_seconds": -1}),
            ("bad_value", "handle_seconds"),
        ),
        (
            json!({"channel": "c", "text": "x", "turns": [{"speaker": "customer", "text": "y"}]}),
            ("conflict", "turns"),
        ),
        (
            json!({"channel": "c", "turns": [{"speaker": "boss", "text": "y"}]}),
            ("wrong_type", "turns"),
        ),
        (json!([1]), ("wrong_type", "")),
    ] {
        assert_eq!(
            code(value),
            (expected.0.to_owned(), expected.1.to_owned()),
            "{expected:?}"
        );
    }
    let many: BTreeMap<String, String> =
        (0..65).map(|i| (format!("a{i}"), "v".to_owned())).collect();
    assert_eq!(
        code(json!({"channel": "c", "text": "x", "attributes": many})).0,
        "too_many"
    );
}

#[test]
fn not_rated_is_not_rated() {
    for rating in [
        json!("默认好评"),
        json!("未评价"),
        json!("-"),
        json!(null),
        json!(0),
    ] {
        let voice = read(json!({"channel": "c", "text": "东西收到了", "rating": rating})).unwrap();
        assert_eq!(voice.rating, None, "{rating}");
    }
    // The shop's own words stand in for the customer's.
    let voice = read(json!({"channel": "c", "text": "此用户没有填写评价。", "rating": 5})).unwrap();
    assert_eq!(voice.rating, None);
    let voice = read(json!({"channel": "c", "rating": 1})).unwrap();
    assert_eq!((voice.text.as_str(), voice.rating.unwrap().band), ("", 1));
}

#[test]
fn identity_and_content() {
    let a = read(json!({"channel": "c", "external_id": "1", "text": "话费多扣了"})).unwrap();
    let same = read(json!({"channel": "c", "external_id": "1", "text": " 话费多扣了 "})).unwrap();
    let other = read(json!({"channel": "c", "external_id": "1", "text": "话费又多扣了"})).unwrap();
    assert_eq!(a.content_hash, same.content_hash);
    assert_ne!(a.content_hash, other.content_hash);
    // Hidden data is content: another number is another content although both look alike.
    let x = read(json!({"channel": "c", "external_id": "1", "text": "打13800138000"})).unwrap();
    let y = read(json!({"channel": "c", "external_id": "1", "text": "打13800138001"})).unwrap();
    assert!(x.text == y.text && x.content_hash != y.content_hash);
    // Without an identifier: channel, time, customer and text.
    let id = |customer: &str, at: &str| {
        read(json!({"channel": "c", "text": "慢", "customer_ref": customer, "occurred_at": at}))
            .unwrap()
            .external_id
    };
    assert_eq!(id("a", "2025-12-01"), id("a", "2025/12/1 00:00"));
    assert_ne!(id("a", "2025-12-01"), id("b", "2025-12-01"));
    assert_ne!(id("a", "2025-12-01"), id("a", "2025-12-02"));
    // An identifier that is a phone number is kept as hash.
    let phone = read(json!({"channel": "c", "external_id": "13800138000", "text": "x"})).unwrap();
    assert!(phone.has_own_id && !phone.external_id.contains("138001"));
}

#[test]
fn undated_voices_and_one_date_for_all() {
    let undated = read(json!({"channel": "c", "text": "x", "occurred_at": "-"})).unwrap();
    assert_eq!((undated.occurred_at, undated.day), (None, None));
    let mut rules = Rules::new(Shanghai, &fnv);
    rules.occurred_at = Some("2025-12-01T00:00:00Z".parse().unwrap());
    let incoming = Incoming {
        channel: Some("c".into()),
        text: Some("x".into()),
        ..Incoming::default()
    };
    assert_eq!(
        normalise(incoming, &rules, now())
            .unwrap()
            .day
            .unwrap()
            .to_string(),
        "2025-12-01"
    );
}

#[test]
fn searches_votes_surveys_and_remarks_are_no_contacts() {
    for (value, class) in [
        (
            json!({"channel": "c", "kind": "search", "query": "怎么退订", "hits": 0}),
            Class::Search,
        ),
        (
            json!({"channel": "c", "kind": "article_vote", "article": "a1", "helpful": "否"}),
            Class::Vote,
        ),
        (
            json!({"channel": "c", "kind": "survey", "nps": 3}),
            Class::Survey,
        ),
        (
            json!({"channel": "c", "kind": "voe", "text": "客服：系统太慢\n用户：都在抱怨"}),
            Class::Voe,
        ),
        (json!({"channel": "c", "text": "x"}), Class::Contact),
    ] {
        assert_eq!(read(value).unwrap().class, class);
    }
    let search = read(json!({"channel": "c", "kind": "search", "query": "怎么退订"})).unwrap();
    assert_eq!(search.text, "怎么退订");
}

proptest! {
    #[test]
    fn anything_is_answered(
        text in "\\PC{0,40}", time in "\\PC{0,20}|[0-9年月日/: -]{0,20}", mark in "\\PC{0,8}|[0-9分星/]{0,6}",
        seconds in "[0-9:分秒小时 .]{0,10}",
    ) {
        let answer = read(json!({
            "channel": "c", "text": text, "occurred_at": time, "rating": mark, "handle_seconds": seconds,
            "resolved": mark, "customer_ref": text,
        }));
        if let Ok(voice) = answer {
            prop_assert_eq!(crate::text::mask(&voice.text).text, voice.text);
        }
    }
}

// ---------------------------------------------------------------- mapping

fn fields(headers: &[&str], rows: &[&[&str]]) -> Mapping {
    let headers: Vec<String> = headers.iter().map(|h| (*h).to_owned()).collect();
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|r| r.iter().map(|c| (*c).to_owned()).collect())
        .collect();
    guess(&headers, &rows, &mapping::Options::default()).unwrap()
}

fn targets(mapping: &Mapping) -> Vec<&str> {
    mapping
        .columns
        .iter()
        .map(|c| match &c.target {
            Target::Field(f) => f.as_str(),
            Target::Attribute(_) => "attribute",
            Target::Ignored => "",
        })
        .collect()
}

#[test]
fn known_headers() {
    let mapping = fields(
        &[
            "工单编号",
            "受理时间",
            "工单内容",
            "满意度",
            "坐席工号",
            "业务类型",
            "客户号码归属地",
            "通话时长(分钟)",
            "处理结果",
        ],
        &[],
    );
    assert_eq!(
        targets(&mapping),
        [
            "external_id",
            "occurred_at",
            "text",
            "rating",
            "agent_ref",
            "business_line",
            "region",
            "talk_seconds",
            ""
        ]
    );
    assert_eq!(mapping.columns[7].factor, 60.0);
    assert_eq!(
        targets(&fields(
            &[
                "手机ID",
                "评价内容（内容）",
                "会员级别",
                "得分",
                "购买时间",
                "用户ID"
            ],
            &[]
        )),
        [
            "",
            "text",
            "customer_tier",
            "rating",
            "occurred_at",
            "customer_ref"
        ]
    );
    assert_eq!(
        targets(&fields(
            &["userName", "content", "score", "at", "reviewCreatedVersion"],
            &[]
        )),
        ["customer_ref", "text", "rating", "occurred_at", ""]
    );
    assert_eq!(
        targets(&fields(
            &[
                "id",
                "created_at",
                "text",
                "rating",
                "customer_ref",
                "topic",
                "lang",
                "extra"
            ],
            &[]
        )),
        [
            "external_id",
            "occurred_at",
            "text",
            "rating",
            "customer_ref",
            "topic",
            "language",
            "attributes"
        ]
    );
    assert_eq!(
        normalise_header(" 通話時長 (秒) "),
        ("通话时长".to_owned(), "秒".to_owned())
    );
}

#[test]
fn every_field_maps_to_itself_by_name() {
    for field in FIELDS {
        assert_eq!(targets(&fields(&[field], &[])), [field]);
    }
}

#[test]
fn the_better_of_two_columns_wins() {
    let mapping = fields(&["购买时间", "评论日期", "评论内容"], &[]);
    assert_eq!(targets(&mapping), ["", "occurred_at", "text"]);
    assert!(
        mapping
            .warnings
            .iter()
            .any(|w| w.code == "column_conflict" && w.detail.contains("购买时间"))
    );
}

#[test]
fn values_speak_where_headers_do_not() {
    let mapping = fields(
        &["F1", "F2", "F3", "F4"],
        &[
            &[
                "A1",
                "2025-12-01 10:00",
                "手机用了三天就开不了机，要求退货",
                "非常不满意",
            ],
            &["A2", "2025-12-02 11:00", "快递放在门口没有通知我", "满意"],
        ],
    );
    assert_eq!(targets(&mapping), ["", "occurred_at", "text", "rating"]);
    assert_eq!(
        mapping
            .warnings
            .iter()
            .filter(|w| w.code == "guessed_from_values")
            .count(),
        3
    );
    assert_eq!(
        fields(&["内容", "评分"], &[&["好", "9"], &["差", "2"]]).rating_max,
        Some(10.0)
    );
    assert_eq!(
        fields(&["内容", "评分（满分10分）"], &[]).rating_max,
        Some(10.0)
    );
}

#[test]
fn people_have_the_last_word() {
    let headers = vec!["内容".to_owned(), "一级分类".to_owned(), "备注".to_owned()];
    let options = mapping::Options {
        explicit: mapping::Options::explicit_from_json(
            r#"{"备注":"attribute:note","内容":"title"}"#,
        )
        .unwrap(),
        topics_from: Some("一级分类".to_owned()),
        attributes: false,
    };
    let mapping = guess(&headers, &[], &options).unwrap();
    assert_eq!(targets(&mapping), ["title", "topic", "attribute"]);
    let row = mapping.incoming(&["标题".into(), "宽带".into(), "x".into()], Some("c"));
    assert_eq!(
        (row.topic.as_deref(), row.title.as_deref()),
        (Some("宽带"), Some("标题"))
    );
    let wrong = |text: &str| {
        let explicit = mapping::Options::explicit_from_json(text).unwrap();
        guess(
            &headers,
            &[],
            &mapping::Options {
                explicit,
                ..Default::default()
            },
        )
        .unwrap_err()
    };
    assert_eq!(
        wrong(r#"{"内容":"texte"}"#),
        mapping::MappingError::UnknownField("texte".into())
    );
    assert_eq!(
        wrong(r#"{"没有":"text"}"#),
        mapping::MappingError::UnknownColumn("没有".into())
    );
    assert_eq!(
        wrong(r#"{"内容":"text","备注":"text"}"#),
        mapping::MappingError::Twice("text".into())
    );
}

#[test]
fn topics_from_a_column_only_when_asked() {
    let mapping = fields(&["工单内容", "问题类型"], &[]);
    assert_eq!(targets(&mapping), ["text", ""]);
    assert!(mapping.warnings.iter().any(|w| w.code == "topic_candidate"));
}

#[test]
fn headers_below_titles_and_no_headers() {
    let rows = |rows: &[&[&str]]| -> Vec<Vec<String>> {
        rows.iter()
            .map(|r| r.iter().map(|c| (*c).to_owned()).collect())
            .collect()
    };
    assert_eq!(
        header_row(&rows(&[
            &["2025年12月投诉工单明细", "", ""],
            &["导出时间：2025-12-05", "", ""],
            &["受理时间", "工单内容", "满意度"],
            &["2025/12/4 14:13", "信号差", "5"],
        ])),
        Some(2)
    );
    assert_eq!(
        header_row(&rows(&[&["a", "b"], &["1", "很差的体验"]])),
        Some(0)
    );
    assert_eq!(
        header_row(&rows(&[
            &["2025-12-04", "信号差", "5"],
            &["2025-12-05", "还是差", "1"]
        ])),
        None
    );
    assert_eq!(header_row(&[]), None);
}

#[test]
fn units_of_headers_scale_values() {
    let mapping = fields(&["内容", "通话时长（分钟）", "补偿金额（元）"], &[]);
    let row = mapping.incoming(&["x".into(), "3.5".into(), "12.5".into()], Some("c"));
    assert_eq!(row.talk_seconds, Some(Scalar::Number(210.0)));
    assert_eq!(row.compensation_cents, Some(Scalar::Number(1250.0)));
}
