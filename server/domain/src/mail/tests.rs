use super::command::{
    Named, Reply, Ruling, Setting, Spoken, Verdict, parse, parse_approver, parse_assigner,
};
use super::*;
use crate::tasks::kind::{Kind, Ticket, TicketState, Track, Wanted};
use bounce::Severity;
use chrono::{NaiveDate, NaiveTime};
use proptest::prelude::*;

/// A Sunday.
fn today() -> NaiveDate {
    day("2026-11-22")
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn departments() -> Vec<Named> {
    [
        ("finance", "财务部"),
        ("logistics", "物流部"),
        ("it", "IT"),
        ("物流客服", "物流部客服组"),
    ]
    .map(|(key, name)| Named {
        key: key.into(),
        name: name.into(),
    })
    .to_vec()
}

fn read(words: &str, track: &Track) -> Reply {
    let of = Setting {
        today: today(),
        departments: &departments(),
        track,
        due: day("2026-11-27"),
    };
    parse(words, of)
}

fn own(text: &str) -> String {
    quote::own_words(text, |line| !marks::tokens_in(line).is_empty())
}

const LINE: &str = "—— 写在此行上方，回复时请保留此行：BH-7K3QX-9M2TC-4PDHW-0ABCD ——";

/// What stands in a mail of ours, as clients quote it.
const BODY: &str = "—— 写在此行上方，回复时请保留此行：BH-7K3QX-9M2TC-4PDHW-0ABCD ——\n梳理资费说明\n李雷，您好：\n【数据】\n近 28 天联系 100 次\n完成 这一句不是回复\n";

fn signs(text: &str) -> String {
    text.lines().map(|l| format!("> {l}\n")).collect()
}

fn accept() -> Reply {
    steps(vec![Spoken::Accept])
}

fn steps(steps: Vec<Spoken>) -> Reply {
    Reply {
        steps,
        comment: None,
    }
}

fn comment(text: &str) -> Reply {
    Reply {
        steps: Vec::new(),
        comment: Some(text.into()),
    }
}

fn decline(reason: &str, department: Option<&str>) -> Reply {
    steps(vec![Spoken::Decline {
        reason: reason.into(),
        department: department.map(Into::into),
    }])
}

fn hand_over(department: Option<&str>, reason: &str) -> Reply {
    steps(vec![Spoken::HandOver {
        department: department.map(Into::into),
        reason: reason.into(),
    }])
}

fn report(percent: u32, comment: &str) -> Reply {
    steps(vec![Spoken::Report {
        percent,
        comment: comment.into(),
    }])
}

fn ask(comment: &str) -> Reply {
    steps(vec![Spoken::Ask {
        comment: comment.into(),
    }])
}

fn due(at: Option<&str>, comment: &str) -> Reply {
    steps(vec![Spoken::Due {
        at: at.map(said),
        comment: comment.into(),
    }])
}

fn said(text: &str) -> dates::Said {
    let (date, time) = text
        .split_once(' ')
        .map_or((text, None), |(d, t)| (d, Some(t)));
    dates::Said {
        day: day(date),
        time: time.map(|t| NaiveTime::parse_from_str(t, "%H:%M").unwrap()),
    }
}

fn complete(solution: &str, effective: Option<&str>) -> Reply {
    steps(vec![Spoken::Complete {
        solution: solution.into(),
        effective: effective.map(said),
    }])
}

/// Mails as clients write them: name of the case, the whole text, what it means.
fn mails() -> Vec<(&'static str, String, Reply)> {
    let quoted = signs(BODY);
    vec![
        // QQ and Exmail.
        (
            "qq web",
            format!(
                "接受\n\n\n------------------ 原始邮件 ------------------\n发件人: \"Bihuan 闭环\" <voc@example.com>;\n发送时间: 2026年11月22日(星期天) 上午10:00\n收件人: \"李雷\"<li@qq.com>;\n主题: [闭环] 梳理资费 [BH-7K3QX9M2TC]\n\n{BODY}"
            ),
            accept(),
        ),
        (
            "qq web, entities of HTML",
            format!(
                "接受\n\n------------------&nbsp;原始邮件&nbsp;------------------\n发件人:&nbsp;\"Bihuan\";\n{BODY}"
            ),
            accept(),
        ),
        (
            "qq, English interface",
            format!(
                "accept\n\n\n------------------ Original ------------------\nFrom:  \"Bihuan\"<voc@example.com>;\nDate:  Sun, Nov 22, 2026 10:00 AM\nTo:  \"li\"<li@qq.com>;\nSubject:  Re: x\n\n{BODY}"
            ),
            accept(),
        ),
        (
            "qq phone",
            format!(
                "同意\n\n\n\n发自我的iPhone\n\n\n------------------ 原始邮件 ------------------\n发件人: Bihuan 闭环 <voc@example.com>\n{BODY}"
            ),
            accept(),
        ),
        (
            "exmail",
            format!(
                "进度 60%，短信模板已写好\n\n------------------ Original ------------------\nFrom: \"Bihuan\"<voc@example.com>;\n{BODY}"
            ),
            report(60, "短信模板已写好"),
        ),
        (
            "exmail, reply above a company signature",
            format!(
                "拒绝 不归我们，应由财务部处理\n\n--\n李雷\n产品部\n\n------------------ 原始邮件 ------------------\n发件人: \"Bihuan\"\n{BODY}"
            ),
            decline("不归我们，应由财务部处理", Some("finance")),
        ),
        (
            "wecom mail",
            format!(
                "延期到12月3日 供应商下周才到\n\n来自企业微信\n\n----------------- 原始邮件 -----------------\n发件人：Bihuan\n{BODY}"
            ),
            due(Some("2026-12-03"), "延期到12月3日 供应商下周才到"),
        ),
        // NetEase.
        (
            "163 old",
            format!(
                "接受\n\n\nAt 2026-11-22 10:00:00, \"Bihuan 闭环\" <voc@example.com> wrote:\n\n{BODY}"
            ),
            accept(),
        ),
        (
            "163 old, Chinese",
            format!(
                "完成：已改短信模板并上线\n\n\n\n在 2026-11-22 10:00:00，\"Bihuan 闭环\" <voc@example.com> 写道：\n\n{BODY}"
            ),
            complete("已改短信模板并上线", None),
        ),
        (
            "163 new",
            format!(
                "转交 物流部\n\n---- 回复的原邮件 ----\n| 发件人 | Bihuan<voc@example.com> |\n| 发送日期 | 2026年11月22日 10:00 |\n{BODY}"
            ),
            hand_over(Some("logistics"), ""),
        ),
        (
            "163 master on a phone",
            format!(
                "提问：是否包含老用户？\n\n| |\n李雷\n|\n|\n邮箱：li@163.com\n|\n\n---- 回复的原邮件 ----\n| 发件人 | Bihuan |\n{BODY}"
            ),
            ask("是否包含老用户？\n\n| |\n李雷\n|\n|\n邮箱：li@163.com\n|"),
        ),
        (
            "126, dash line",
            format!(
                "接受\n\n-------- 转发邮件信息 --------\n发件人：\"Bihuan\" <voc@example.com>\n发送日期：2026-11-22 10:00:00\n收件人：li@126.com\n主题：x\n{BODY}"
            ),
            accept(),
        ),
        // Foxmail.
        (
            "foxmail",
            format!(
                "接受\n\n\n李雷\n \n发件人： Bihuan 闭环\n发送时间： 2026-11-22 10:00\n收件人： 李雷\n主题： [闭环] 梳理资费\n{BODY}"
            ),
            Reply {
                steps: vec![Spoken::Accept],
                comment: Some("李雷".into()),
            },
        ),
        (
            "foxmail, English",
            format!(
                "done: new template is live\n \nFrom: Bihuan\nDate: 2026-11-22 10:00\nTo: li\nSubject: x\n{BODY}"
            ),
            complete("new template is live", None),
        ),
        // Outlook.
        (
            "outlook zh",
            format!(
                "接受\n\n________________________________\n发件人: Bihuan 闭环 <voc@example.com>\n发送时间: 2026年11月22日 10:00\n收件人: 李雷 <li@example.com>\n主题: [闭环] 梳理资费\n\n{BODY}"
            ),
            accept(),
        ),
        (
            "outlook zh, bold fields",
            format!(
                "完成度 80%\n\n*发件人:* Bihuan <voc@example.com>\n*发送时间:* 2026年11月22日 10:00\n*收件人:* 李雷\n*主题:* x\n{BODY}"
            ),
            report(80, ""),
        ),
        (
            "outlook en",
            format!(
                "Decline. Not our product, should go to IT.\r\n\r\n________________________________\r\nFrom: Bihuan <voc@example.com>\r\nSent: Sunday, November 22, 2026 10:00 AM\r\nTo: Li Lei <li@example.com>\r\nSubject: x\r\n\r\n{BODY}"
            ),
            decline("Not our product, should go to IT.", Some("it")),
        ),
        (
            "outlook en, old",
            format!(
                "Question: does it include prepaid?\r\n\r\n-----Original Message-----\r\nFrom: Bihuan [mailto:voc@example.com]\r\nSent: Sunday\r\n{BODY}"
            ),
            ask("does it include prepaid?"),
        ),
        (
            "outlook phone",
            format!(
                "accept\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\nFrom: Bihuan <voc@example.com>\nSent: Sunday\n{BODY}"
            ),
            accept(),
        ),
        (
            "outlook phone zh",
            format!(
                "接受\n\n获取 Outlook for Android\n________________________________\n发件人: Bihuan\n发送时间: x\n{BODY}"
            ),
            accept(),
        ),
        (
            "outlook, one line of HTML as text",
            format!("接受\n发件人: Bihuan 发送时间: 2026年11月22日 收件人: 李雷 主题: x\n{BODY}"),
            accept(),
        ),
        (
            "outlook traditional",
            "接受\n\n寄件者: Bihuan\n傳送時間: 2026年11月22日\n收件者: 李雷\n主旨: x\n完成 舊"
                .to_string(),
            accept(),
        ),
        (
            "windows mail",
            format!(
                "Accepted\n\nSent from Mail for Windows\n\nFrom: Bihuan\nSent: Sunday, November 22, 2026\nTo: x\n{BODY}"
            ),
            accept(),
        ),
        (
            "windows mail zh",
            format!("接受\n\n从 Windows 版邮件发送\n\n发件人: Bihuan\n发送时间: 2026年\n{BODY}"),
            accept(),
        ),
        // Gmail.
        (
            "gmail en",
            format!(
                "Accept\n\nOn Sun, Nov 22, 2026 at 10:00 AM Bihuan 闭环 <voc@example.com> wrote:\n\n{quoted}"
            ),
            accept(),
        ),
        (
            "gmail en, wrapped",
            format!(
                "Progress 30%\n\nOn Sun, Nov 22, 2026 at 10:00 AM Bihuan 闭环 <voc@example.com>\nwrote:\n\n{quoted}"
            ),
            report(30, ""),
        ),
        (
            "gmail zh",
            format!(
                "接受\n\nBihuan 闭环 <voc@example.com> 于2026年11月22日周日 10:00写道：\n\n{quoted}"
            ),
            accept(),
        ),
        (
            "gmail zh, wrapped",
            format!(
                "接受\n\nBihuan 闭环 <voc@example.com>\n于2026年11月22日周日 10:00写道：\n\n{quoted}"
            ),
            accept(),
        ),
        (
            "gmail, answer below",
            format!(
                "On Sun, Nov 22, 2026 at 10:00 AM Bihuan <voc@example.com> wrote:\n\n{quoted}\ndone: rewrote the SMS\n"
            ),
            complete("rewrote the SMS", None),
        ),
        // Apple.
        (
            "apple en",
            format!(
                "Accept\n\n> On Nov 22, 2026, at 10:00, Bihuan <voc@example.com> wrote:\n> \n{quoted}"
            ),
            accept(),
        ),
        (
            "apple zh",
            format!(
                "接受\n\n> 在 2026年11月22日，10:00，Bihuan <voc@example.com> 写道：\n> \n{quoted}"
            ),
            accept(),
        ),
        (
            "iphone zh",
            format!(
                "进度百分之五十\n\n发自我的iPhone\n\n> 在 2026年11月22日，10:00，Bihuan 闭环 <voc@example.com> 写道：\n> \n> \u{feff}\n{quoted}"
            ),
            report(50, ""),
        ),
        (
            "iphone en",
            format!(
                "done. Live since Dec 1.\n\nSent from my iPhone\n\n> On 22 Nov 2026, at 10:00, Bihuan <voc@example.com> wrote:\n{quoted}"
            ),
            complete("Live since Dec 1.", Some("2026-12-01")),
        ),
        (
            "apple mail without signs",
            format!("接受\n\n在 2026年11月22日，10:00，Bihuan <voc@example.com> 写道：\n\n{BODY}"),
            accept(),
        ),
        // Phones and others.
        (
            "huawei",
            format!(
                "接受\n\n发自我的华为手机\n\n-------- 原始邮件 --------\n发件人：Bihuan\n{BODY}"
            ),
            accept(),
        ),
        (
            "xiaomi",
            format!(
                "同意\n\n发自我的小米手机\n在 Bihuan <voc@example.com>，2026年11月22日 10:00写道：\n\n{BODY}"
            ),
            accept(),
        ),
        (
            "samsung",
            format!(
                "Accept\n\nSent from my Galaxy\n\n-------- Original message --------\nFrom: Bihuan\n{BODY}"
            ),
            accept(),
        ),
        (
            "thunderbird",
            format!("Am not sure which tariff.\n\nOn 11/22/26 10:00, Bihuan wrote:\n{quoted}"),
            comment("Am not sure which tariff."),
        ),
        (
            "thunderbird zh, answer in between",
            format!("在 2026/11/22 10:00, Bihuan 写道:\n{quoted}接受，下周三前给方案\n> 您好\n"),
            Reply {
                steps: vec![Spoken::Accept],
                comment: Some("下周三前给方案".into()),
            },
        ),
        (
            "a client that marks nothing",
            format!("拒绝：人手不够\n{BODY}"),
            decline("人手不够", None),
        ),
        (
            "a client that marks nothing, our line indented",
            format!("60%\n    {LINE}\n x"),
            report(60, ""),
        ),
        (
            "roundcube",
            format!("接受\n\n在 2026-11-22 10:00，Bihuan 闭环 写道：\n\n{quoted}"),
            accept(),
        ),
        // What people write.
        (
            "politeness",
            "您好，\n接受。谢谢！".into(),
            Reply {
                steps: vec![Spoken::Accept],
                comment: Some("谢谢！".into()),
            },
        ),
        ("politeness en", "Hi Anna,\n\naccept".into(), accept()),
        (
            "full width",
            "完成：上线时间：１２月１日，已修改３个模板".into(),
            complete("上线时间：１２月１日，已修改３个模板", Some("2026-12-01")),
        ),
        (
            "full-width percent",
            "进度：７５％ 还差验收".into(),
            report(75, "还差验收"),
        ),
        ("percent alone", "80%".into(), report(80, "")),
        (
            "completed to a part",
            "已完成60%，还在测试".into(),
            report(60, "还在测试"),
        ),
        ("half", "完成一半".into(), report(50, "")),
        ("eighty by tens", "进度八成".into(), report(80, "")),
        (
            "we have done it",
            "我们已经完成，模板已更新".into(),
            complete("模板已更新", None),
        ),
        (
            "done with a particle",
            "完成了短信模板的修改".into(),
            complete("短信模板的修改", None),
        ),
        (
            "accept and a date",
            "接受，延期到下周三".into(),
            steps(vec![
                Spoken::Accept,
                Spoken::Due {
                    at: Some(said("2026-11-25")),
                    comment: "延期到下周三".into(),
                },
            ]),
        ),
        (
            "accept and a figure",
            "接受\n进度 20% 已开始".into(),
            steps(vec![
                Spoken::Accept,
                Spoken::Report {
                    percent: 20,
                    comment: "已开始".into(),
                },
            ]),
        ),
        (
            "hand over with a reason",
            "转交给 物流部客服组：这是快递延误".into(),
            hand_over(Some("物流客服"), "这是快递延误"),
        ),
        (
            "hand over en",
            "Hand over to IT, it is a bug in the app".into(),
            hand_over(Some("it"), "it is a bug in the app"),
        ),
        (
            "hand over to nobody we know",
            "转交 火星部".into(),
            hand_over(None, "火星部"),
        ),
        (
            "extend en",
            "extend to 2026-12-03 18:00 please".into(),
            due(
                Some("2026-12-03 18:00"),
                "extend to 2026-12-03 18:00 please",
            ),
        ),
        (
            "due without a date",
            "延期 再说".into(),
            due(None, "延期 再说"),
        ),
        (
            "a polite wish",
            "申请延期至2026年12月10日，开发排期".into(),
            due(Some("2026-12-10"), "申请延期至2026年12月10日，开发排期"),
        ),
        ("decline without a reason", "拒绝".into(), decline("", None)),
        ("help", "帮助".into(), steps(vec![Spoken::Help])),
        ("a question mark", "?".into(), steps(vec![Spoken::Help])),
        (
            "please tell me",
            "请问是否包含海外用户？".into(),
            ask("请问是否包含海外用户？"),
        ),
        // What must not act.
        (
            "cannot be done",
            "完成不了，缺人".into(),
            comment("完成不了，缺人"),
        ),
        ("not done", "还没完成".into(), comment("还没完成")),
        (
            "when done",
            "完成后我会通知你".into(),
            comment("完成后我会通知你"),
        ),
        (
            "time of completion",
            "完成时间预计下周".into(),
            comment("完成时间预计下周"),
        ),
        (
            "done by Friday",
            "Done by Friday".into(),
            comment("Done by Friday"),
        ),
        (
            "a question about accepting",
            "接受吗？".into(),
            comment("接受吗？"),
        ),
        ("a question in English", "done?".into(), ask("done?")),
        (
            "acceptable is not accept",
            "acceptable risk, let us talk".into(),
            comment("acceptable risk, let us talk"),
        ),
        ("received is not accepted", "收到".into(), comment("收到")),
        (
            "questions in the plural",
            "questions remain".into(),
            comment("questions remain"),
        ),
        ("an idea", "建议先做灰度".into(), comment("建议先做灰度")),
        ("nothing but quotation", quoted.clone(), Reply::default()),
        (
            "a story that mentions done",
            "客户说已经 done 了".into(),
            comment("客户说已经 done 了"),
        ),
        (
            "history is no greeting",
            "history of complaints attached".into(),
            comment("history of complaints attached"),
        ),
    ]
}

#[test]
fn replies_of_common_clients_are_understood() {
    let all = mails();
    assert!(all.len() >= 60, "{} mails", all.len());
    let mut wrong = Vec::new();
    for (name, text, expected) in &all {
        let words = own(text);
        let found = read(&words, &Track::Percent);
        if found != *expected {
            wrong.push(format!(
                "{name}: {words:?}\n  is       {found:?}\n  expected {expected:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_of_our_own_mail_is_ever_a_word_of_the_reply() {
    for (name, text, _) in mails() {
        assert!(!own(&text).contains("这一句不是回复"), "{name}");
    }
}

#[test]
fn dates_are_read_as_people_write_them() {
    let cases = [
        ("12月3日", "2026-12-03"),
        ("12月3号前", "2026-12-03"),
        ("2026年12月3日", "2026-12-03"),
        ("2027年1月5日 18:30", "2027-01-05 18:30"),
        ("1月5日", "2027-01-05"),
        ("11月20日", "2026-11-20"),
        ("十二月三日", "2026-12-03"),
        ("2026-12-03", "2026-12-03"),
        ("２０２６／１２／３", "2026-12-03"),
        ("2026.12.3", "2026-12-03"),
        ("12/3", "2026-12-03"),
        ("12-03", "2026-12-03"),
        ("到下周三", "2026-11-25"),
        ("下周日", "2026-11-29"),
        ("下下周一", "2026-11-30"),
        ("周五下午6点", "2026-11-27 18:00"),
        ("本周日", "2026-11-22"),
        ("星期天", "2026-11-22"),
        ("明天", "2026-11-23"),
        ("后天上午10点半", "2026-11-24 10:30"),
        ("大后天", "2026-11-25"),
        ("三天后", "2026-11-25"),
        ("10天后", "2026-12-02"),
        ("两周后", "2026-12-06"),
        ("月底", "2026-11-30"),
        ("下月底", "2026-12-31"),
        ("Dec 3", "2026-12-03"),
        ("December 3rd, 2026", "2026-12-03"),
        ("3 Dec 2026", "2026-12-03"),
        ("Sept. 1", "2027-09-01"),
        ("next Wednesday", "2026-11-25"),
        ("by Friday at 6 pm", "2026-11-27 18:00"),
        ("tomorrow", "2026-11-23"),
        ("in 3 days", "2026-11-25"),
        ("in two weeks or 2026-12-06", "2026-12-06"),
    ];
    for (text, expected) in cases {
        // The 22nd is a Sunday, the last day of its week: next week begins tomorrow.
        let expected = match expected.split_once(' ') {
            Some(_) => said(expected),
            None => said(expected),
        };
        assert_eq!(dates::find(text, today()), Some(expected), "{text}");
    }
    for text in [
        "版本 1.5",
        "提升 3.4 成",
        "13月45日",
        "no date",
        "2026-13-01",
        "marching",
        "monitor",
    ] {
        assert_eq!(dates::find(text, today()), None, "{text}");
    }
}

#[test]
fn a_leap_day_and_the_end_of_the_year() {
    let at = |t: &str, d: &str| dates::find(t, day(d)).map(|s| s.day.to_string());
    assert_eq!(at("2月29日", "2028-01-10").as_deref(), Some("2028-02-29"));
    assert_eq!(at("1月3日", "2026-12-30").as_deref(), Some("2027-01-03"));
    assert_eq!(at("12月30日", "2027-01-03").as_deref(), Some("2027-12-30"));
    assert_eq!(at("月底", "2026-12-05").as_deref(), Some("2026-12-31"));
    assert_eq!(at("下周一", "2026-12-30").as_deref(), Some("2027-01-04"));
}

#[test]
fn marks_survive_what_clients_do_to_them() {
    let token = marks::token(&[7; 16]);
    assert_eq!(token.len(), 26);
    let bare = marks::bare(&token);
    let (a, b) = token.split_at(14);
    for text in [
        token.clone(),
        format!("> > {}", token.to_lowercase()),
        format!("> {a}\n> {b}"),
        format!("{a}=\u{200b}{b}").replace('=', ""),
        token.replace('-', "–"),
        token.replace("BH-", "BH- "),
        format!("Ｂ{}", &token[1..]),
    ] {
        assert_eq!(
            marks::tokens_in(&text),
            std::slice::from_ref(&bare),
            "{text}"
        );
    }
    assert_eq!(
        marks::tokens_in("BH-2026 ist kein Zeichen, BH-12345-67890"),
        Vec::<String>::new()
    );
    let tag = marks::tag(&[9; 8]);
    assert_eq!(
        marks::tag_in(&format!("回复：Re: 梳理 {}", marks::in_subject(&tag))),
        Some(tag.clone())
    );
    assert_eq!(marks::tag_in(&format!("答复: 【BH-{tag}】")), Some(tag));
    assert_eq!(marks::tag_in("[BH-123] [BH-ABCDEFGHJKMNPQ]"), None);
}

fn mail(headers: &[(&str, &str)]) -> Incoming {
    Incoming {
        headers: headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
        from: Some("li@example.com".into()),
        subject: "Re: [闭环] 梳理资费".into(),
        ..Incoming::default()
    }
}

#[test]
fn automatic_mails_are_told_from_people() {
    use Automatic::{
        AutoReply, AutoSubmitted, List, MailSystem, NullSender, OutOfOffice, Own, Precedence,
    };
    type Case = (&'static [(&'static str, &'static str)], Option<Automatic>);
    let cases: [Case; 14] = [
        (&[], None),
        (&[("auto-submitted", "no")], None),
        (
            &[("auto-submitted", "auto-replied; owner-email=x")],
            Some(AutoSubmitted),
        ),
        (&[("auto-submitted", "Auto-Generated")], Some(AutoSubmitted)),
        (&[("precedence", "BULK")], Some(Precedence)),
        (&[("precedence", "auto_reply")], Some(Precedence)),
        (&[("precedence", "first-class")], None),
        (&[("x-autoreply", "yes")], Some(AutoReply)),
        (&[("x-autorespond", "")], Some(AutoReply)),
        (&[("list-id", "<all.example.com>")], Some(List)),
        (
            &[("list-unsubscribe", "<mailto:x@example.com>")],
            Some(List),
        ),
        (&[("return-path", "<>")], Some(NullSender)),
        (&[("return-path", "<li@example.com>")], None),
        (&[("x-bihuan-loop", "d-1")], Some(Own)),
    ];
    for (headers, expected) in cases {
        assert_eq!(
            automatic(&mail(headers), &["voc@example.com"]),
            expected,
            "{headers:?}"
        );
    }
    let own = Incoming {
        from: Some("VOC@example.com".into()),
        ..mail(&[])
    };
    assert_eq!(automatic(&own, &["voc@example.com"]), Some(Own));
    let daemon = Incoming {
        from: Some("mailer-daemon@example.com".into()),
        ..mail(&[])
    };
    assert_eq!(automatic(&daemon, &[]), Some(MailSystem));
    for (subject, expected) in [
        ("自动回复: Re: [闭环] 梳理资费", Some(OutOfOffice)),
        ("自动回复：[闭环] 梳理资费", Some(OutOfOffice)),
        ("Automatic reply: task", Some(OutOfOffice)),
        ("Out of Office AutoReply: task", Some(OutOfOffice)),
        ("自动回复", Some(OutOfOffice)),
        ("自动回复话术优化：第二版", None),
        ("Re: 自动回复: 话术优化", None),
        ("外出服务流程", None),
    ] {
        let mail = Incoming {
            subject: subject.into(),
            ..mail(&[])
        };
        assert_eq!(automatic(&mail, &[]), expected, "{subject}");
    }
}

#[test]
fn a_forged_writer_is_seen_where_the_server_says_so() {
    for (results, forged) in [
        (
            "mx.example.com; spf=pass smtp.mailfrom=x; dkim=pass; dmarc=pass",
            false,
        ),
        (
            "mx.example.com; spf=fail smtp.mailfrom=x; dkim=none; dmarc=fail (p=none)",
            true,
        ),
        ("mx.example.com; spf=softfail; dkim=none", true),
        ("mx.example.com; spf=fail; dkim=pass header.d=x", false),
        ("mx.example.com; spf=none", false),
    ] {
        assert_eq!(
            marks::is_forged(&mail(&[("authentication-results", results)])),
            forged,
            "{results}"
        );
    }
    assert!(!marks::is_forged(&mail(&[])));
}

/// A report as Postfix writes it.
fn postfix(status: &str, action: &str, words: &str) -> Incoming {
    Incoming {
        from: Some("mailer-daemon@mx.example.com".into()),
        subject: "Undelivered Mail Returned to Sender".into(),
        delivery_status: Some(format!(
            "Reporting-MTA: dns; mx.example.com\r\nArrival-Date: Sun, 22 Nov 2026 10:00:00 +0800\r\n\r\n\
             Final-Recipient: rfc822; Wang.Tao@example.com\r\nOriginal-Recipient: rfc822;wang.tao@example.com\r\n\
             Action: {action}\r\nStatus: {status}\r\nRemote-MTA: dns; mx2.example.com\r\n\
             Diagnostic-Code: smtp; {words}\r\n\r\n"
        )),
        reported_header: Some(
            "From: voc@example.com\r\nMessage-ID:\r\n <task-1@example.com>\r\nSubject: x\r\n"
                .into(),
        ),
        ..Incoming::default()
    }
}

#[test]
fn reports_of_the_mail_system_are_read() {
    use Severity::{Delayed, Delivered, Hard, Soft};
    for (status, action, words, expected) in [
        ("5.1.1", "failed", "550 5.1.1 User unknown", Hard),
        ("5.0.0", "failed", "550 5.1.1\r\n no such person here", Hard),
        ("5.2.1", "failed", "550 account disabled", Hard),
        ("5.2.2", "failed", "552 5.2.2 mailbox full", Soft),
        (
            "5.7.1",
            "failed",
            "554 5.7.1 rejected as spam, user unknown",
            Soft,
        ),
        ("5.0.0", "failed", "550 user unknown or mailbox full", Soft),
        ("5.0.0", "failed", "550 收件人不存在", Hard),
        ("4.4.1", "delayed", "connection timed out", Delayed),
        ("4.2.2", "failed", "452 mailbox full", Soft),
        ("2.0.0", "delivered", "250 ok", Delivered),
    ] {
        let report = bounce::read(&postfix(status, action, words)).unwrap();
        assert_eq!(report.mail.as_deref(), Some("task-1@example.com"));
        assert_eq!(report.recipients.len(), 1, "{report:?}");
        assert_eq!(report.recipients[0].severity, expected, "{words}");
        assert!(
            report.recipients[0]
                .addresses
                .contains(&"wang.tao@example.com".to_owned())
        );
    }
}

#[test]
fn a_mail_that_a_relay_named_anew_is_known_by_our_own_mark() {
    let mut mail = postfix("5.1.1", "failed", "550 5.1.1 User unknown");
    mail.reported_header = Some(
        "Message-ID: <of-the-relay@mx>\r\nX-Bihuan-Loop: 01a203f9-2032-764c-9e02-bb550946be6b\r\n"
            .into(),
    );
    let named = bounce::read(&mail).unwrap().mail;
    assert_eq!(
        named.as_deref(),
        Some("01a203f9-2032-764c-9e02-bb550946be6b")
    );
}

#[test]
fn reports_in_words_count_only_where_they_name_the_mail() {
    let qq = Incoming {
        from: Some("postmaster@qq.com".into()),
        subject: "系统退信/System bounce".into(),
        text: "很抱歉，您的邮件被退回\n收件人 wang.tao@example.com\n原因：550 收件人不存在\nMessage-ID: <d-7@example.com>".into(),
        ..Incoming::default()
    };
    let report = bounce::read(&qq).unwrap();
    assert_eq!(report.mail.as_deref(), Some("d-7@example.com"));
    assert_eq!(report.recipients[0].severity, Severity::Hard);
    assert!(
        report.recipients[0]
            .addresses
            .contains(&"wang.tao@example.com".to_owned())
    );
    let person = Incoming {
        from: Some("li@example.com".into()),
        ..qq.clone()
    };
    assert_eq!(bounce::read(&person), None, "people may speak of bounces");
    let nameless = Incoming {
        text: "退信".into(),
        ..qq
    };
    assert_eq!(bounce::read(&nameless).unwrap().mail, None);
}

#[test]
fn statuses_stand_in_sentences() {
    for (text, expected) in [
        ("550 5.1.1 no such user", Some("5.1.1")),
        ("host said: 550 #5.1.0 Address rejected.", Some("5.1.0")),
        ("failed with 5.4.4.", Some("5.4.4")),
        ("at 10.5.1.1 port 25", None),
        ("version 15.1.1", None),
        ("5.1", None),
    ] {
        assert_eq!(bounce::status_in(text), expected, "{text}");
    }
}

#[test]
fn the_assigner_agrees_or_not() {
    assert_eq!(parse_assigner("同意", today()), Verdict::Agree(None));
    assert_eq!(
        parse_assigner("同意，最晚12月1日", today()),
        Verdict::Agree(Some(said("2026-12-01")))
    );
    assert_eq!(
        parse_assigner("不同意，客户在等", today()),
        Verdict::Disagree
    );
    assert_eq!(parse_assigner("包含老用户", today()), Verdict::Words);
    assert_eq!(parse_assigner("同意吗？", today()), Verdict::Words);
}

fn track(wanted: Wanted) -> Track {
    Track::new(Kind::Other, Some(wanted), &[]).unwrap()
}

fn items() -> Track {
    let items = ["画流程", "试运行", "改话术模板", "Train the agents"];
    track(Wanted::Checklist(items.map(str::to_owned).to_vec()))
}

#[test]
fn items_of_a_checklist_are_ticked_by_number_and_by_name() {
    let ticked = |done: &[usize], undone: &[usize], comment: &str| {
        steps(vec![Spoken::Ticked {
            done: done.to_vec(),
            undone: undone.to_vec(),
            comment: comment.into(),
        }])
    };
    for (words, done, comment) in [
        ("清单 1、3", &[1, 3][..], ""),
        ("清单 1、3 完成", &[1, 3], ""),
        ("清单：１、３已完成，试点两家店", &[1, 3], "试点两家店"),
        ("第1项完成", &[1], ""),
        ("第1项已完成，流程图在附件", &[1], "流程图在附件"),
        ("您好，第1项和第2项都完成了。", &[1, 2], ""),
        ("已完成第2项、第3项", &[2, 3], ""),
        ("我们已经完成 1-3 项", &[1, 2, 3], ""),
        ("完成 1，已上线", &[1], "已上线"),
        ("完成 画流程", &[1], ""),
        ("画流程 已完成", &[1], ""),
        ("改话术模板完成了，谢谢", &[3], "谢谢"),
        (
            "1. 画流程 完成\n2. 试运行 完成\n3 还在做",
            &[1, 2],
            "3 还在做",
        ),
        ("1 完成\n3 完成", &[1, 3], ""),
        ("清单全部完成", &[1, 2, 3, 4], ""),
        ("item 2 done", &[2], ""),
        (
            "Items 1, 2 and 4 are done, see the file",
            &[1, 2, 4],
            "see the file",
        ),
        ("done 1, 3", &[1, 3], ""),
        ("Done: item 4", &[4], ""),
        ("checklist 1 3", &[1, 3], ""),
        ("tick 2", &[2], ""),
        ("Train the agents done", &[4], ""),
        ("all items done", &[1, 2, 3, 4], ""),
        ("完成 9", &[9], ""),
    ] {
        assert_eq!(read(words, &items()), ticked(done, &[], comment), "{words}");
    }
    assert_eq!(read("取消勾选 2", &items()), ticked(&[], &[2], ""));
    assert_eq!(read("untick item 2", &items()), ticked(&[], &[2], ""));
    let both = read("接受，第1项完成", &items());
    assert_eq!(both.steps.len(), 2, "{both:?}");
}

#[test]
fn what_is_open_ticks_nothing() {
    for words in [
        "完成 1 个模板",
        "第2项 下周完成",
        "第2项完成不了",
        "第2项没完成",
        "第2项完成了吗？",
        "第2项完成一半",
        "清单 2 未完成",
        "清单 2 还没完成",
        "第2项",
        "画流程",
        "画流程图完成",
        "完成 12月3日",
        "完成 2026-12-01 上线",
        "完成 60%",
        "进度 60%",
        "完成 1.5 倍",
        "item 2 not done",
        "item 2 will be done tomorrow",
        "done by 3",
        "items",
        "1",
        "",
    ] {
        let reply = read(words, &items());
        let ticks = reply
            .steps
            .iter()
            .any(|s| matches!(s, Spoken::Ticked { .. }));
        assert!(!ticks, "{words}: {reply:?}");
    }
    // What a task does not count is no number of it.
    assert_eq!(read("清单 1、3", &Track::Percent), comment("清单 1、3"));
    assert_eq!(read("完成 1", &Track::Percent), complete("1", None));
}

#[test]
fn people_who_were_trained_are_counted() {
    let sixty = track(Wanted::Coverage {
        group: "二线客服".into(),
        total: 60,
    });
    for (words, trained, total, comment) in [
        ("已培训 45/60", 45, None, ""),
        ("培训 45/60 人，还差夜班", 45, None, "还差夜班"),
        ("我们已培训45人", 45, None, ""),
        ("45/60", 45, None, ""),
        ("进度 45/60", 45, None, ""),
        ("45人 三个班", 45, None, "三个班"),
        ("培训 45/64", 45, Some(64), ""),
        ("培训：４５人，共60人", 45, None, ""),
        ("trained 45 of 60", 45, None, ""),
        (
            "Trained 45 out of 64 people; nights follow",
            45,
            Some(64),
            "nights follow",
        ),
        ("45 of 60 agents", 45, None, ""),
    ] {
        let expected = steps(vec![Spoken::Trained {
            trained,
            total,
            comment: comment.into(),
        }]);
        assert_eq!(read(words, &sixty), expected, "{words}");
    }
    for words in [
        "12/3",
        "培训 75%",
        "培训45人的计划在附件",
        "培训45人没到",
        "培训了吗",
        "培训 45 人吗？",
        "45",
    ] {
        let reply = read(words, &sixty);
        let counts = reply
            .steps
            .iter()
            .any(|s| matches!(s, Spoken::Trained { .. }));
        assert!(!counts, "{words}: {reply:?}");
    }
}

#[test]
fn a_ticket_has_a_link_and_a_state() {
    let outside = Track::Ticket(Ticket::default());
    let jira = "https://jira.example/browse/A-1?x=Y";
    for (words, url, state, comment) in [
        ("工单 处理中", None, Some(TicketState::InProgress), ""),
        (
            "工单已完成，灰度三天",
            None,
            Some(TicketState::Done),
            "灰度三天",
        ),
        ("工单状态：开发中", None, Some(TicketState::InProgress), ""),
        (
            "工单不做，产品下线",
            None,
            Some(TicketState::Rejected),
            "产品下线",
        ),
        (
            "外部工单 https://jira.example/browse/A-1?x=Y",
            Some(jira),
            None,
            "",
        ),
        ("https://jira.example/browse/A-1?x=Y", Some(jira), None, ""),
        (
            "工单 https://jira.example/browse/A-1?x=Y，处理中",
            Some(jira),
            Some(TicketState::InProgress),
            "",
        ),
        (
            "工单 处理中 https://jira.example/browse/A-1?x=Y。下周测试",
            Some(jira),
            Some(TicketState::InProgress),
            "下周测试",
        ),
        (
            "ticket in progress https://jira.example/browse/A-1?x=Y",
            Some(jira),
            Some(TicketState::InProgress),
            "",
        ),
        ("Ticket is closed.", None, Some(TicketState::Done), ""),
        ("ticket: open", None, Some(TicketState::Open), ""),
    ] {
        let expected = steps(vec![Spoken::Ticket {
            url: url.map(str::to_owned),
            state,
            comment: comment.into(),
        }]);
        assert_eq!(read(words, &outside), expected, "{words}");
    }
    for words in [
        "工单还没完成",
        "工单完成不了",
        "工单完成了吗",
        "工单",
        "ticket opened?",
        "完成 改了界面",
    ] {
        let reply = read(words, &outside);
        let says = reply
            .steps
            .iter()
            .any(|s| matches!(s, Spoken::Ticket { .. }));
        assert!(!says, "{words}: {reply:?}");
    }
}

#[test]
fn reminders_are_put_off() {
    for words in [
        "暂缓提醒到11月25日",
        "推迟提醒 11月25日",
        "snooze until 2026-11-25",
        "remind me on Nov 25",
    ] {
        let expected = steps(vec![Spoken::Later {
            at: Some(said("2026-11-25")),
        }]);
        assert_eq!(read(words, &Track::Percent), expected, "{words}");
    }
}

#[test]
fn so_much_later_counts_from_the_due_day() {
    for (words, expected) in [
        ("延期一周", "2026-12-04"),
        ("延期3天，等供应商", "2026-11-30"),
        ("申请延期两个工作日", "2026-12-01"),
        ("延期半个月", "2026-12-12"),
        ("推迟1个月", "2026-12-27"),
        ("extend by 3 days", "2026-11-30"),
        ("extend a week, vendor", "2026-12-04"),
        ("postpone two working days", "2026-12-01"),
        ("延期到12月3日", "2026-12-03"),
    ] {
        assert_eq!(
            read(words, &Track::Percent),
            due(Some(expected), words),
            "{words}"
        );
    }
    assert_eq!(read("延期到以后", &Track::Percent), due(None, "延期到以后"));
}

#[test]
fn a_refusal_of_this_gives_no_reason() {
    for (words, reason) in [
        ("I can't accept this", ""),
        ("can't accept the task, wrong team", "wrong team"),
        ("不能接受这个任务", "这个任务"),
        ("拒绝 此任务", ""),
        ("decline it", ""),
        ("decline items are missing", "items are missing"),
        ("拒绝 任务不清楚", "任务不清楚"),
    ] {
        let reply = read(words, &Track::Percent);
        let given = match reply.steps.first() {
            Some(Spoken::Decline { reason, .. }) => Some(reason.as_str()),
            _ => None,
        };
        if words.starts_with("不能接受这") {
            assert_eq!(given, None, "no word of ours: {reply:?}");
        } else {
            assert_eq!(given, Some(reason), "{words}");
        }
    }
}

#[test]
fn who_accepts_may_be_done_at_once() {
    let both = |second: Spoken| steps(vec![Spoken::Accept, second]);
    let done = |words: &str| Spoken::Complete {
        solution: words.into(),
        effective: None,
    };
    assert_eq!(
        read("接受，完成 已修复", &Track::Percent),
        both(done("已修复"))
    );
    assert_eq!(
        read("接受\n完成 已发补丁", &Track::Percent),
        both(done("已发补丁"))
    );
    assert_eq!(
        read("Accept. Done: new version is out", &Track::Percent),
        both(done("new version is out"))
    );
    for words in [
        "接受，完成时间下周五",
        "接受，完成后汇报",
        "accept, done by Friday",
    ] {
        assert_eq!(
            read(words, &Track::Percent).steps,
            vec![Spoken::Accept],
            "{words}"
        );
    }
}

#[test]
fn an_approver_says_yes_or_no() {
    let yes = |rest: &str| Ruling::Approve(rest.into());
    let no = |rest: &str| Ruling::Reject(rest.into());
    for (words, expected) in [
        ("同意", yes("")),
        ("您好，同意。", yes("")),
        ("批准，辛苦了", yes("辛苦了")),
        ("审批通过", yes("")),
        ("通过", yes("")),
        ("Approved, thank you", yes("thank you")),
        ("I agree", yes("")),
        ("不同意 话术还不清楚", no("话术还不清楚")),
        ("驳回：缺截图", no("缺截图")),
        ("不通过", no("")),
        ("退回 先补截图", no("先补截图")),
        ("审批不通过，缺数据", no("缺数据")),
        ("reject: no screenshots", no("no screenshots")),
        (
            "Not approved - figures are missing",
            no("figures are missing"),
        ),
        ("refuse, too vague", no("too vague")),
        ("同意吗？", Ruling::Words),
        ("同意，但请先改第二条", Ruling::Words),
        ("approved if the figures are added", Ruling::Words),
        ("通过率太低", Ruling::Words),
        ("请补充截图", Ruling::Words),
        ("", Ruling::Words),
    ] {
        assert_eq!(parse_approver(words), expected, "{words}");
    }
}

#[test]
fn the_conversation_index_is_as_outlook_writes_it() {
    // 2026-11-22T02:00:00Z.
    let id = |ms: u64, last: u8| {
        let mut random = [0x11; 10];
        random[9] = last;
        uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
    };
    let root = id(1_795_312_800_000, 0);
    let first = thread::conversation_index(root, None);
    assert_eq!(first.len(), 22);
    let time = (1_795_312_800_u64 * 10_000_000 + 116_444_736_000_000_000).to_be_bytes();
    assert_eq!(time[0], 1, "the reserved byte is the first of the time");
    assert_eq!(first[..6], time[..6]);
    assert_eq!(first[6..], root.as_bytes()[..]);
    // One day later: 864e9 ticks, without the lower 18 bits.
    let next = thread::conversation_index(root, Some(id(1_795_312_800_000 + 86_400_000, 0xab)));
    assert_eq!((next.len(), &next[..22]), (27, &first[..]));
    let delta = u32::from_be_bytes(next[22..26].try_into().unwrap());
    let low = (1_795_312_800_u64 * 10_000_000 + 116_444_736_000_000_000) & 0xffff;
    assert_eq!(u64::from(delta), (864_000_000_000 + low) >> 18);
    assert_eq!(next[26], 0xa1);
    // Two years later the scale is the coarse one.
    let late =
        thread::conversation_index(root, Some(id(1_795_312_800_000 + 2 * 366 * 86_400_000, 0)));
    assert_eq!(late[22] & 0x80, 0x80);
}

proptest! {
    /// Whatever arrives, reading it ends and panics nowhere.
    #[test]
    fn any_text_is_read(text in "(?s).{0,400}") {
        let words = own(&text);
        let _ = read(&words, &Track::Percent);
        for track in [items(), track(Wanted::Coverage { group: "g".into(), total: 9 }), Track::Ticket(Ticket::default())] {
            let _ = read(&words, &track);
        }
        let _ = parse_assigner(&words, today());
        let _ = parse_approver(&words);
        let _ = marks::tokens_in(&text);
        let _ = marks::tag_in(&text);
        let _ = bounce::status_in(&text);
        let incoming = Incoming { text: text.clone(), subject: text.clone(), delivery_status: Some(text.clone()),
            reported_header: Some(text), ..Incoming::default() };
        let _ = bounce::read(&incoming);
        let _ = automatic(&incoming, &[]);
    }

    /// Words of the grammar in any order, with numbers: no panic, and never more than two steps.
    #[test]
    fn any_words_of_the_grammar_are_read(parts in proptest::collection::vec(prop_oneof![
        Just("接受"), Just("完成"), Just("延期到"), Just("12月3日"), Just("下周三"), Just("进度"), Just("60%"), Just("百分之"),
        Just("十"), Just("，"), Just("\n"), Just(" "), Just("转交"), Just("财务部"), Just("accept"), Just("next "), Just("Dec "),
        Just("3"), Just("?"), Just("您好"), Just("hi"), Just("99999999999"), Just("年"), Just("两"), Just("第"), Just("项"),
        Just("-"), Just("/"), Just("人"), Just("清单"), Just("工单"), Just("https://x.example/1"), Just("处理中"), Just("and "),
    ], 0..12)) {
        for track in [items(), track(Wanted::Coverage { group: "g".into(), total: 9 }), Track::Ticket(Ticket::default())] {
            prop_assert!(read(&parts.concat(), &track).steps.len() <= 2);
        }
        let reply = read(&parts.concat(), &Track::Percent);
        prop_assert!(reply.steps.len() <= 2);
        prop_assert!(reply.steps.is_empty() || reply.comment.is_none() || reply.steps == vec![Spoken::Accept]);
    }

    /// A mark is found again whatever its bits.
    #[test]
    fn marks_are_found_again(hash in proptest::array::uniform16(0_u8..)) {
        let token = marks::token(&hash);
        prop_assert_eq!(marks::tokens_in(&format!("> 请保留此行：{token} ——")), vec![marks::bare(&token)]);
        let tag = marks::tag(&hash);
        prop_assert_eq!(marks::tag_in(&marks::in_subject(&tag)), Some(tag));
    }
}
