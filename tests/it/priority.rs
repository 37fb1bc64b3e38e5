//! Where topics stand: formula, lines, moves and what people decide instead.

use crate::world::{
    COMPLAINTS, OUTAGES, TOPIC, contact, days_ago, furnish, issues, number, rated, send, text,
    watch,
};
use chrono::NaiveDate;
use serde_json::{Value, json};
use tests::{Caller, Server, on_both_engines, time, until};

const QUADRANTS: &str = "/api/v1/quadrants";

/// Rated contacts about the other topic of the test's organisation.
fn outages(prefix: &str, days: impl IntoIterator<Item = NaiveDate>, a_day: u32) -> Vec<Value> {
    let mut all = Vec::new();
    for day in days {
        for n in 0..a_day {
            let mut voice = json!({"channel": "chat", "external_id": format!("{prefix}-{day}-{n}"), "kind": "chat",
                "occurred_at": time::on(day, n * 200), "text": OUTAGES[n as usize % OUTAGES.len()],
                "customer_ref": format!("{prefix} {day} {n}")});
            voice["rating"] = json!(if n % 10 == 0 { 2 } else { 5 });
            all.push(voice);
        }
    }
    all
}

/// The point of a topic.
fn point(caller: &Caller, topic: &str) -> Value {
    let chart = caller.get(QUADRANTS).ok();
    chart["points"]
        .as_array()
        .expect("points")
        .iter()
        .find(|p| p["topic"] == topic)
        .unwrap_or_else(|| panic!("no {topic} in {chart}"))
        .clone()
}

/// Waits until a topic was last seen in that quadrant.
fn placed(caller: &Caller, topic: &str, quadrant: &str) -> Value {
    until("the topic is placed", || {
        let p = point(caller, topic);
        let last = p["movement"]["trail"].as_array()?.last()?.clone();
        (last["to"] == quadrant).then_some(p)
    })
}

fn organisation(admin: &Caller, change: &[(&str, Value)]) {
    let mut now = admin.get("/api/v1/organisation").ok();
    for (field, value) in change {
        now[field] = value.clone();
    }
    admin.put("/api/v1/organisation", &now).ok();
}

on_both_engines! {
    /// Every part of an impact is shown, and the parts add up; money stands beside.
    fn the_formula_is_visible(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        let mut voices = rated("bad", days_ago(10, 3), 12, 0.5);
        for (n, voice) in voices.iter_mut().enumerate() {
            voice["handle_seconds"] = json!(600);
            voice["compensation_cents"] = json!(1000);
            voice["customer_tier"] = json!(if n % 2 == 0 { "金卡" } else { "普通" });
        }
        send(&admin, &voices);
        send(&admin, &outages("good", days_ago(10, 3), 12));
        let plain = point(&admin, TOPIC);
        assert_eq!(plain["money"]["total_cents_per_month"], Value::Null, "a cost nobody stated is never guessed");
        let part = |p: &Value, name: &str| p["parts"].as_array().expect("parts").iter().find(|x| x["part"] == name).expect("a part").clone();
        assert_eq!(part(&plain, "customer_tier")["contribution"], 0.0, "no tier has a weight yet");
        assert!(number(&part(&plain, "failure_demand"), "/contribution") > 0.0, "{plain}");

        organisation(&admin, &[("unit_cost_cents_per_minute", json!(150)), ("tier_weights", json!({"金卡": 4.0}))]);
        let p = point(&admin, TOPIC);
        let parts = p["parts"].as_array().expect("parts");
        assert_eq!(parts.len(), 6);
        let sum: f64 = parts.iter().map(|x| number(x, "/contribution")).sum();
        assert!((sum - number(&p, "/impact")).abs() < 1e-9, "{p}");
        assert!(number(&part(&p, "customer_tier"), "/contribution") > 0.0, "{p}");
        for x in parts {
            assert!(!text(&x["explanation"], "zh").is_empty() && !text(&x["explanation"], "en").is_empty());
        }
        // Ratings hold what time and money do to people.
        assert_eq!((&part(&p, "handling")["weight"], &part(&p, "compensation")["weight"]), (&json!(0.0), &json!(0.0)));
        // 96 contacts of ten minutes at 1.50 a minute, and 10.00 paid for each, in 28 days.
        let month = 365.25 / 12.0 / 28.0;
        assert!((number(&p, "/money/handling_cents_per_month") - 96.0 * 1500.0 * month).abs() < 1.0, "{p}");
        assert!((number(&p, "/money/compensation_cents_per_month") - 96_000.0 * month).abs() < 1.0, "{p}");
        assert!((number(&p, "/share") - 0.5).abs() < 1e-9);
        assert!(number(&p, "/contacts_per_week_low") < number(&p, "/contacts_per_week"));
        assert!(number(&p, "/avoidable_per_week") <= number(&p, "/unhappy_per_week"));
        assert!((number(&p, "/hours_per_week") - number(&p, "/contacts_per_week") / 6.0).abs() < 1e-9);
        let chart = admin.get(QUADRANTS).ok();
        assert_eq!(chart["points"][0]["topic"], TOPIC, "the worst first");
        assert_eq!(chart["lines"]["drawn_on"], Value::Null, "eight days are no window");
        assert_eq!(chart["lines"]["frequency_rule"], "pareto_80");
    }

    /// Lines are drawn once and hold for the month; what the organisation fixes holds at once and
    /// moves topics, which is told where people look.
    fn lines_hold_and_moves_are_events(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        watch(&admin);
        send(&admin, &rated("bad", days_ago(20, 1), 8, 0.5));
        send(&admin, &outages("good", days_ago(20, 1), 10));
        assert_eq!(placed(&admin, TOPIC, "fix_now")["quadrant"], "fix_now");
        assert_eq!(admin.get(QUADRANTS).ok()["lines"]["drawn_on"], Value::Null, "no whole window yet");
        // History reaches back a whole window: the lines of the month can be drawn.
        send(&admin, &[contact("first", &time::on(time::ago(34), 0), 0)]);
        let drawn = until("the lines are frozen", || {
            let chart = admin.get(QUADRANTS).ok();
            (chart["lines"]["drawn_on"] == json!(time::today())).then_some(chart)
        });
        let line = number(&drawn, "/lines/frequency");

        // Today everybody calls: an issue opens, the line of the month stays.
        let crowd: Vec<Value> = (0..400).map(|n| contact(&format!("crowd{n}"), &time::just_now(n), n as usize)).collect();
        send(&admin, &crowd);
        let chart = admin.get(QUADRANTS).ok();
        assert_eq!(number(&chart, "/lines/frequency"), line);
        assert!((number(&chart, "/lines/frequency_today") - line).abs() > 1.0, "{}", chart["lines"]);
        let issue = until("the issue", || issues(&admin).into_iter().next());
        let id = text(&issue, "id").to_owned();

        // A line above everything: the topic is no longer frequent.
        organisation(&admin, &[("cut_lines", json!({"contacts_per_week": 5000.0}))]);
        let p = placed(&admin, TOPIC, "plan");
        assert_eq!(p["quadrant"], "plan");
        assert_eq!(p["movement"]["previous"], "fix_now");
        assert!(p["movement"]["since"].is_string());
        let step = p["movement"]["trail"].as_array().and_then(|t| t.last()).expect("a step");
        assert_eq!((&step["from"], &step["to"], &step["day"]), (&json!("fix_now"), &json!("plan"), &json!(time::today())));
        assert!(text(&step["why"], "zh").contains("分界") && text(&step["why"], "en").contains("line"));
        let issue = admin.get(&format!("/api/v1/issues/{id}")).ok();
        assert_eq!((&issue["quadrant"], &issue["movement"]["previous"]), (&json!("plan"), &json!("fix_now")));
        let told: Vec<&Value> = issue["timeline"].as_array().expect("timeline").iter().filter(|e| e["kind"] == "issue.quadrant_moved").collect();
        assert_eq!(told.len(), 1, "{issue}");
        assert_eq!((&told[0]["data"]["from"], &told[0]["data"]["to"]), (&json!("fix_now"), &json!("plan")));
        assert_eq!(told[0]["actor"]["kind"], "system");

        // Reading moves nothing: not even under a line that reading alone knows.
        for _ in 0..3 {
            admin.get("/api/v1/overview").ok();
            admin.get(&format!("{QUADRANTS}?days=7")).ok();
            admin.get("/api/v1/issues").ok();
        }
        assert_eq!(point(&admin, TOPIC)["movement"], p["movement"]);
        let chart = admin.get(QUADRANTS).ok();
        assert_eq!((&chart["lines"]["frequency_rule"], &chart["lines"]["drawn_on"]), (&json!("fixed"), &json!(time::today())));
    }

    /// What a person decides holds until it is released, and everybody sees who and why.
    fn a_decision_holds_until_it_is_released(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        watch(&admin);
        let calm: Vec<Value> = (0..51).map(|n| contact(&format!("c{n}"), &time::just_now(n), n as usize % COMPLAINTS.len())).collect();
        send(&admin, &calm);
        send(&admin, &outages("good", days_ago(10, 3), 30));
        let issue = until("the issue", || issues(&admin).into_iter().next());
        let address = format!("/api/v1/issues/{}/quadrant", text(&issue, "id"));
        let computed = text(&issue, "computed_quadrant").to_owned();
        assert_eq!((&issue["quadrant"], &issue["override"]), (&json!(computed), &Value::Null));
        let wanted = if computed == "watch" { "fix_now" } else { "watch" };

        admin.put(&address, &json!({"quadrant": "nowhere", "reason": "x"})).problem(422, "invalid_field");
        admin.put(&address, &json!({"quadrant": wanted, "reason": "  "})).problem(422, "invalid_field");
        admin.delete(&address).problem(404, "not_found");
        let decided = admin.put(&address, &json!({"quadrant": wanted, "reason": "监管关注"})).ok();
        assert_eq!((&decided["quadrant"], &decided["computed_quadrant"]), (&json!(wanted), &json!(computed)));
        assert_eq!((&decided["override"]["reason"], &decided["override"]["quadrant"]), (&json!("监管关注"), &json!(wanted)));
        assert!(decided["override"]["by"]["name"].is_string());
        assert_eq!(point(&admin, TOPIC)["quadrant"], wanted);
        assert_eq!(point(&admin, TOPIC)["override"]["reason"], "监管关注");
        assert_eq!(admin.get(&format!("/api/v1/issues?quadrant={wanted}")).items().len(), 1);
        assert_eq!(admin.get(&format!("/api/v1/issues?quadrant={computed}")).items().len(), 0);

        // More voices do not release it.
        send(&admin, &(0..40).map(|n| contact(&format!("d{n}"), &time::just_now(n), n as usize)).collect::<Vec<_>>());
        let still = admin.get(&format!("/api/v1/issues/{}", text(&issue, "id"))).ok();
        assert_eq!(still["quadrant"], wanted);

        let released = admin.delete(&address).ok();
        assert_eq!((&released["override"], &released["quadrant"]), (&Value::Null, &released["computed_quadrant"]));
        let kinds: Vec<&str> = released["timeline"].as_array().expect("timeline").iter().map(|e| text(e, "kind")).collect();
        assert!(kinds.contains(&"issue.quadrant_overridden") && kinds.contains(&"issue.quadrant_released"), "{kinds:?}");
    }

    /// What the organisation decides about money and lines is checked.
    fn settings_are_checked(engine) {
        let server = Server::start(engine);
        let admin = server.admin();
        furnish(&admin);
        organisation(&admin, &[
            ("support_costs", json!({"2026-03": {"people_cents": 10_000_000, "operations_cents": 2_000_000, "indirect_cents": 0}})),
            ("marginal_share", json!(0.5)),
            ("cut_lines", json!({"contacts_per_week": 40.0, "negative_share": 0.3})),
        ]);
        let kept = admin.get("/api/v1/organisation").ok();
        assert_eq!(kept["support_costs"]["2026-03"]["people_cents"], 10_000_000);
        assert_eq!((&kept["marginal_share"], &kept["cut_lines"]["negative_share"]), (&json!(0.5), &json!(0.3)));
        for (field, value, named) in [
            ("support_costs", json!({"March": {"people_cents": 1, "operations_cents": 0, "indirect_cents": 0}}), "support_costs"),
            ("support_costs", json!({"2026-03": {"people_cents": -1, "operations_cents": 0, "indirect_cents": 0}}), "support_costs.2026-03.people_cents"),
            ("marginal_share", json!(1.5), "marginal_share"),
            ("tier_weights", json!({"金卡": -1.0}), "tier_weights.金卡"),
        ] {
            let mut bad = kept.clone();
            bad[field] = value;
            let problem = admin.put("/api/v1/organisation", &bad).problem(422, "invalid_field");
            assert_eq!(problem["errors"][0]["field"], named, "{problem}");
        }
        // A group that nobody told is no group of nought.
        let mut bad = kept.clone();
        bad["support_costs"] = json!({"2026-03": {}});
        let problem = admin.put("/api/v1/organisation", &bad).problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["code"], "required", "{problem}");
        assert_eq!(problem["errors"][0]["field"], "support_costs.2026-03.people_cents", "{problem}");
        let mut bad = kept.clone();
        bad["cut_lines"]["contacts_per_week"] = json!(0.0);
        admin.put("/api/v1/organisation", &bad).problem(422, "invalid_field");
        assert_eq!(admin.get("/api/v1/organisation").ok(), kept);
        assert_eq!(admin.get(QUADRANTS).ok()["points"], json!([]));
    }
}
