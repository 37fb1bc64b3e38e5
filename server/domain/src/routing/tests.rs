use super::*;
use crate::organisation::Owner;
use proptest::prelude::*;

fn topic(key: &str, parent: Option<&str>, department: Option<&str>) -> Topic {
    Topic {
        key: key.into(),
        parent: parent.map(str::to_owned),
        owner_department: department.map(str::to_owned),
        ..Topic::default()
    }
}

fn topics() -> Vec<Topic> {
    vec![
        topic("物流", None, Some("logistics")),
        topic("延误", Some("物流"), None),
        topic("破损", Some("物流"), Some("warehouse")),
        topic("退款", None, Some("finance")),
        topic("快递 配送", None, None),
    ]
}

fn department(key: &str, owners: &[&str]) -> Department {
    let owners: Vec<Owner> = owners
        .iter()
        .map(|email| serde_json::from_value(serde_json::json!({"email": email})).unwrap())
        .collect();
    serde_json::from_value(serde_json::json!({"key": key, "name": key, "owners": owners})).unwrap()
}

fn departments() -> Vec<Department> {
    vec![
        department("logistics", &["lu@b.cn", "a@b.cn"]),
        department("warehouse", &["wen@b.cn"]),
        department("finance", &["fang@b.cn"]),
        department("digital", &[]),
    ]
}

fn faults(text: &str) -> Vec<(usize, usize, &'static str)> {
    let found = match parse(text) {
        Ok(rules) => check(&rules, &topics(), &departments()),
        Err(faults) => faults,
    };
    for fault in &found {
        assert!(!fault.detail.zh.is_empty() && !fault.detail.en.is_empty());
    }
    found.iter().map(|f| (f.line, f.column, f.code)).collect()
}

const RULES: &str = "\
# 谁负责什么
topic:物流/* region:华东 channel:app cause:\"恶劣 天气\" -> department:logistics owner:A@b.cn
topic:物流/延误 -> department:digital   # 单独一个主题

topic：退款，\"快递 配送\" channel:微信*→department:finance
region:* -> department:warehouse
";

fn asked<'a>(topic: &'a str, channel: &'a str, region: &'a str, cause: &'a str) -> Matter<'a> {
    let known = |text: &'a str| Some(text).filter(|t| !t.is_empty());
    Matter {
        topic,
        channel: known(channel),
        region: known(region),
        cause: known(cause),
    }
}

fn directory(rules: &str) -> Directory {
    Directory {
        rules: parse(rules).unwrap(),
        topics: topics(),
        departments: departments(),
        arbiter: None,
    }
}

#[test]
fn the_first_line_that_matches_wins() {
    let rules = parse(RULES).unwrap();
    assert_eq!(check(&rules, &topics(), &departments()), []);
    assert_eq!(
        rules.iter().map(|r| r.line).collect::<Vec<_>>(),
        [2, 3, 5, 6]
    );
    let cases = [
        (asked("破损", "app", "华东", "恶劣 天气"), Some(2)),
        (asked("物流", "app", "华东", "恶劣 天气"), Some(2)),
        (asked("延误", "app", "华东", "恶劣 天气"), Some(2)),
        (asked("延误", "app", "华东", "爆仓"), Some(3)),
        (asked("延误", "", "", ""), Some(3)),
        // A topic alone is not what stands below it or above it.
        (asked("物流", "", "", ""), None),
        (asked("破损", "phone", "", ""), None),
        (asked("退款", "微信客服", "", ""), Some(5)),
        (asked("快递 配送", "微信", "华南", ""), Some(5)),
        (asked("退款", "电话", "", ""), None),
        (asked("退款", "电话", "华南", ""), Some(6)),
        (asked("", "", "华南", ""), Some(6)),
        (asked("", "", "", ""), None),
    ];
    for (matter, line) in cases {
        let found = rules.iter().find(|r| r.matches(&matter, &topics()));
        assert_eq!(found.map(|r| r.line), line, "{matter:?}");
    }
}

#[test]
fn who_gets_it_and_why() {
    let route = |matter: &Matter<'_>, arbiter: Option<&str>| {
        let arbiter = arbiter.map(str::to_owned);
        Directory {
            arbiter,
            ..directory(RULES)
        }
        .decide(matter)
    };
    let got = route(&asked("破损", "app", "华东", "恶劣 天气"), None);
    assert_eq!(
        (got.department.as_deref(), got.owner.as_deref()),
        (Some("logistics"), Some("a@b.cn"))
    );
    assert!(got.sentence().zh.contains("第 2 行"), "{got:?}");
    // A department without anybody still gets it.
    let got = route(&asked("延误", "", "", ""), None);
    assert_eq!(
        (got.department.as_deref(), got.owner),
        (Some("digital"), None)
    );
    let got = route(&asked("退款", "电话", "", ""), Some("boss@b.cn"));
    assert_eq!(
        (got.department.as_deref(), got.by),
        (Some("finance"), By::Topic)
    );
    let nobodys = asked("快递 配送", "电话", "", "");
    let got = route(&nobodys, Some(" Boss@b.cn "));
    assert_eq!(
        (got.department, got.owner.as_deref(), got.by),
        (None, Some("boss@b.cn"), By::Arbiter)
    );
    assert_eq!(route(&nobodys, None).by, By::Loop);
    // A department that was removed since is passed over.
    let mut fewer = directory(RULES);
    fewer.departments.truncate(3);
    let got = fewer.decide(&asked("延误", "", "华北", ""));
    assert_eq!(got.department.as_deref(), Some("warehouse"));
}

/// What an agreed re-route changes wins where the task came from, and changes nothing elsewhere.
#[test]
fn an_agreed_reroute_wins() {
    let amended = |matter: &Matter<'_>, department| {
        let (change, text) = amend(RULES, &directory(RULES), matter, department)?;
        let after = directory(&text).decide(matter);
        if change == Change::TopicOwner {
            assert_eq!(text, RULES);
        } else {
            assert_eq!(after.department.as_deref(), Some(department), "{text}");
        }
        Some((change, text))
    };
    // One of several topics of a line: a rule of its own, under the same conditions, before that line.
    let (change, text) = amended(&asked("快递 配送", "微信客服", "", ""), "logistics").unwrap();
    let rule = "topic:\"快递 配送\" channel:微信* -> department:logistics".to_owned();
    let before = "topic：退款，\"快递 配送\" channel:微信*→department:finance".to_owned();
    assert_eq!(
        change,
        Change::RuleAdded {
            line: 5,
            rule,
            before
        }
    );
    let sentence = change.sentence();
    assert!(
        sentence.zh.contains("第 5 行") && sentence.en.contains("line 5"),
        "{sentence:?}"
    );
    let department = |text: &str, matter: &Matter<'_>| directory(text).decide(matter).department;
    for other in [
        asked("退款", "微信客服", "", ""),
        asked("快递 配送", "电话", "华南", ""),
    ] {
        assert_eq!(
            department(&text, &other),
            department(RULES, &other),
            "{other:?}"
        );
    }
    // A line about everything below a topic: only the topic of the task goes elsewhere.
    let stormy = |topic| asked(topic, "app", "华东", "恶劣 天气");
    let (_, text) = amended(&stormy("破损"), "finance").unwrap();
    assert_eq!(
        department(&text, &stormy("延误")).as_deref(),
        Some("logistics")
    );
    // A line about this topic alone is changed: a second one behind it would never be reached.
    let (change, text) = amended(&asked("延误", "", "", ""), "finance").unwrap();
    assert!(
        matches!(change, Change::RuleChanged { line: 3, .. }),
        "{change:?}"
    );
    assert_eq!(text.lines().count(), RULES.lines().count());
    // No line decides.
    let (change, _) = amended(&asked("退款", "电话", "", ""), "logistics").unwrap();
    assert_eq!(change, Change::TopicOwner);
    // It is so already.
    assert_eq!(amended(&asked("退款", "电话", "", ""), "finance"), None);
}

#[test]
fn faults_have_their_place() {
    assert_eq!(
        faults("topic:物流 -> department:nobody"),
        [(1, 24, "unknown_department")]
    );
    assert_eq!(
        faults("\n  topic:火星/* -> department:finance"),
        [(2, 9, "unknown_topic")]
    );
    assert_eq!(
        faults("topic:退款/延误 -> department:finance"),
        [(1, 7, "not_below")]
    );
    assert_eq!(
        faults("topic:物流 -> department:finance owner:x@b.cn"),
        [(1, 38, "unknown_owner")]
    );
    assert_eq!(
        faults("topic:物流 -> department:finance owner:me"),
        [(1, 38, "bad_address")]
    );
    assert_eq!(faults("topic:物流"), [(1, 9, "missing_arrow")]);
    assert_eq!(faults("topic:物流 ->"), [(1, 12, "missing_department")]);
    assert_eq!(
        faults("topic: -> department:finance"),
        [(1, 7, "missing_value")]
    );
    assert_eq!(
        faults("topic:\"物流 -> department:finance"),
        [(1, 7, "unclosed_quote")]
    );
    assert_eq!(
        faults("主题:物流 -> department:finance"),
        [(1, 1, "unexpected")]
    );
    assert_eq!(faults("-> department:finance"), [(1, 1, "unexpected")]);
    assert_eq!(
        faults("* region:x -> department:finance"),
        [(1, 1, "unexpected")]
    );
    assert_eq!(
        faults("colour:red -> department:finance"),
        [(1, 1, "unknown_field")]
    );
    assert_eq!(
        faults("topic:物流 -> topic:退款"),
        [(1, 13, "unknown_field")]
    );
    assert_eq!(
        faults("region:a region:b -> department:finance"),
        [(1, 10, "duplicate")]
    );
    assert_eq!(
        faults("region:a -> department:finance,logistics"),
        [(1, 13, "too_many")]
    );
    assert_eq!(
        faults("* -> department:finance\nregion:a -> department:finance"),
        [(2, 1, "unreachable")]
    );
    // Every line is told of, not only the first.
    assert_eq!(faults("x\nregion:a -> department:finance\ny").len(), 2);
    assert_eq!(
        faults(&"* -> department:finance\n".repeat(501)),
        [(1, 1, "too_many")]
    );
    assert_eq!(faults(&"#".repeat(100_001)), [(1, 1, "too_long")]);
}

proptest! {
    /// Whatever is typed is read or refused with a place inside the text.
    #[test]
    fn nothing_breaks_the_reader(text in "([a-z*:>,\"“”#→ 主：，-]|topic:|department:x| -> |\n){0,60}") {
        if let Err(faults) = parse(&text) {
            let lines: Vec<&str> = text.lines().collect();
            for fault in faults {
                prop_assert!(fault.line >= 1 && fault.line <= lines.len().max(1));
                prop_assert!(fault.column >= 1 && fault.column <= lines[fault.line - 1].chars().count() + 1);
            }
        }
    }

    /// Whatever is agreed of whatever rules, it wins.
    #[test]
    fn agreed_reroutes_win(
        lines in proptest::collection::vec(0..8_usize, 0..6), topic in 0..5_usize,
        region in "(华东|华 南|a,b)", wanted in 0..4_usize,
    ) {
        const LINES: [&str; 8] = [
            "topic:物流/* -> department:finance", "topic:延误,退款 region:华* -> department:warehouse",
            "region:\"a,b\",华东 -> department:digital owner:x@b.cn", "# nothing", "* -> department:logistics",
            "topic:破损 -> department:finance # alone", "channel:app -> department:finance", "topic:* region:“华 南”→department:logistics",
        ];
        let text: Vec<&str> = lines.iter().map(|n| LINES[*n]).collect();
        let text = text.join("\r\n");
        let all = topics();
        let department = departments()[wanted].key.clone();
        let matter = Matter { topic: &all[topic].key, channel: Some("app"), region: Some(&region), cause: None };
        if let Some((change, after)) = amend(&text, &directory(&text), &matter, &department)
            && change != Change::TopicOwner
        {
            let route = directory(&after).decide(&matter);
            prop_assert_eq!(route.department, Some(department.clone()), "{}", after);
            prop_assert_eq!(amend(&after, &directory(&after), &matter, &department), None);
        }
    }

    /// What is written of known names is read back as it was meant.
    #[test]
    fn conditions_say_what_is_asked(topic in 0..5_usize, region in "[东南西北]{1,3}", other in "[中上下]{1,2}") {
        let all = topics();
        let key = &all[topic].key;
        let rules = parse(&format!("topic:\"{key}\" region:{region} -> department:finance")).unwrap();
        let matter = |region| Matter { topic: key, region, ..Matter::default() };
        prop_assert!(rules[0].matches(&matter(Some(region.as_str())), &all));
        prop_assert!(!rules[0].matches(&matter(Some(other.as_str())), &all));
        prop_assert!(!rules[0].matches(&matter(None), &all));
    }
}
