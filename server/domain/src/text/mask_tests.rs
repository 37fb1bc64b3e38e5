use super::*;
use proptest::prelude::*;

fn masked(text: &str) -> String {
    mask(text).text
}

#[test]
fn mobile_numbers() {
    for text in [
        "13800138000",
        "+8613800138000",
        "+86 138 0013 8000",
        "86-138-0013-8000",
        "0086 13800138000",
        "008613800138000",
        "(+86)13800138000",
        "（+86）138-0013-8000",
        "１３８００１３８０００",
        "138 0013 8000",
        "138.0013.8000",
        "1 3 8 0 0 1 3 8 0 0 0",
        "138－0013－8000",
        "138\u{200b}0013\u{200b}8000",
        "138 - 0013 - 8000",
    ] {
        assert_eq!(
            masked(&format!("电话{text}，快回")),
            "电话〔手机号〕，快回",
            "{text}"
        );
    }
    assert_eq!(
        masked("打13800138000或13900139000"),
        "打〔手机号〕或〔手机号〕"
    );
    assert_eq!(masked("13800138000/13900139000"), "〔手机号〕/〔手机号〕");
}

#[test]
fn landlines() {
    for text in [
        "010-12345678".replace("-1", "-6"),
        "0755 2345678".into(),
        "(021)62345678".into(),
        "02162345678".into(),
    ] {
        assert_eq!(
            masked(&format!("请打{text}找我")),
            "请打〔电话〕找我",
            "{text}"
        );
    }
    assert_eq!(masked("+86 10 6234 5678"), "〔电话〕");
    assert_eq!(
        masked("投诉热线10086或4008001234"),
        "投诉热线10086或4008001234"
    );
}

#[test]
fn cards_and_their_checks() {
    assert_eq!(masked("身份证11010519491231002X"), "身份证〔身份证号〕");
    assert_eq!(masked("身份证11010519491231002x，"), "身份证〔身份证号〕，");
    assert_eq!(masked("110105 19491231 002X"), "〔身份证号〕");
    assert_eq!(
        masked("１１０１０５１９４９１２３１００２Ｘ"),
        "〔身份证号〕"
    );
    assert_eq!(masked("老证110105491231002"), "老证〔身份证号〕");
    assert_eq!(
        masked("卡号6222021234567890128"),
        mask_if_luhn("6222021234567890128", "卡号")
    );
    assert_eq!(masked("卡4111 1111 1111 1111扣款"), "卡〔银行卡号〕扣款");
    assert_eq!(masked("卡4111111111111111x"), "卡〔银行卡号〕x");
    // Wrong checks: these are other numbers.
    assert_eq!(masked("110105194912310021"), "110105194912310021");
    assert_eq!(masked("4111111111111112"), "4111111111111112");
}

fn mask_if_luhn(digits: &str, before: &str) -> String {
    let values: Vec<u8> = digits.bytes().map(|b| b - b'0').collect();
    let shown = if bank_card(&values) {
        "〔银行卡号〕"
    } else {
        digits
    };
    format!("{before}{shown}")
}

#[test]
fn addresses() {
    for text in [
        "zhang.san+1@mail.example.com",
        "a_b-c@qq.com",
        "ａｂｃ＠ｑｑ．ｃｏｍ",
        "13800138000@163.com",
        "abc@qq。com",
    ] {
        assert_eq!(masked(&format!("发到{text}吧")), "发到〔邮箱〕吧", "{text}");
    }
    for text in ["@JetBlue 航班晚点", "a@b", "价格@5.0"] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn names_before_honorifics() {
    for (text, out) in [
        ("请联系陈先生", "请联系〔姓氏〕先生"),
        ("陳小姐說", "〔姓氏〕小姐說"),
        ("欧阳女士投诉", "〔姓氏〕女士投诉"),
        ("客户张伟明先生来电", "客户〔姓名〕先生来电"),
        ("我是李娜女士", "我是〔姓名〕女士"),
        ("王 女士来电", "〔姓氏〕女士来电"),
        ("诸葛小明先生", "〔姓名〕先生"),
        ("李太太", "〔姓氏〕太太"),
        ("感谢王先生", "感谢〔姓氏〕先生"),
    ] {
        assert_eq!(masked(text), out, "{text}");
    }
    for text in [
        "这位先生很好",
        "先生您好",
        "女士优先",
        "我和先生一起去的",
        "感谢先生",
        "张医生很好",
        "设备陈旧",
        "任何女士",
        "保安先生",
        "老先生摔倒了",
        "最高女士",
        "太太太慢了",
        "一个小姐姐",
        "主任女士",
        "明白先生的意思",
    ] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn ordinary_numbers_stay() {
    for text in [
        "订单号123456789012",
        "2025-12-04 14:13:22扣了199.00元",
        "20251204141322",
        "流水202512041413220001",
        "从2025-12-04到2025-12-05",
        "价格1999-2999元",
        "套餐是129元100GB",
        "快递单SF1234567890123",
        "IP 192.168.100.200",
        "13-10-2025 123",
        "电话号码1380013800",
        "138001380001",
    ] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn counts_what_it_found() {
    let found =
        mask("陈先生13800138000，a@b.cn，010-62345678，11010519491231002X，4111111111111111").found;
    assert_eq!(
        found,
        Counts {
            mobile: 1,
            landline: 1,
            id_card: 1,
            bank_card: 1,
            email: 1,
            name: 1
        }
    );
    assert!(is_personal("13800138000") && is_personal("a@b.cn") && !is_personal("WO-2025-0001"));
}

// ---------------------------------------------------------------- generators

fn digits(n: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0u8..10, n)
}

fn mobile_number() -> impl Strategy<Value = String> {
    (3u8..10, digits(9)).prop_map(|(second, rest)| {
        format!(
            "1{second}{}",
            rest.iter().map(u8::to_string).collect::<String>()
        )
    })
}

fn id_number() -> impl Strategy<Value = String> {
    (
        0usize..PROVINCES.len(),
        0u32..10_000,
        1940u32..2015,
        1u32..13,
        1u32..29,
        0u32..1000,
    )
        .prop_map(|(p, area, y, m, d, n)| {
            let body = format!("{:02}{area:04}{y}{m:02}{d:02}{n:03}", PROVINCES[p]);
            let sum: u32 = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
                .iter()
                .zip(body.bytes())
                .map(|(w, b)| w * u32::from(b - b'0'))
                .sum();
            format!("{body}{}", b"10X98765432"[(sum % 11) as usize] as char)
        })
}

fn card_number() -> impl Strategy<Value = String> {
    (
        15usize..19,
        digits(18),
        prop_oneof![Just("62"), Just("4"), Just("51"), Just("35")],
    )
        .prop_map(|(n, rest, prefix)| {
            let mut body: Vec<u8> = prefix
                .bytes()
                .map(|b| b - b'0')
                .chain(rest)
                .take(n)
                .collect();
            let sum: u32 = body
                .iter()
                .rev()
                .enumerate()
                .map(|(i, v)| {
                    let v = u32::from(*v) * if i % 2 == 0 { 2 } else { 1 };
                    v / 10 + v % 10
                })
                .sum();
            body.push(((10 - sum % 10) % 10) as u8);
            body.iter().map(u8::to_string).collect()
        })
}

/// The number in the ways people write it.
fn written(number: impl Strategy<Value = String>) -> impl Strategy<Value = (String, String)> {
    (
        number,
        0usize..6,
        prop_oneof![
            Just(" "),
            Just("-"),
            Just("－"),
            Just("\u{3000}"),
            Just(".")
        ],
    )
        .prop_map(|(number, way, separator)| {
            let chars: Vec<char> = number.chars().collect();
            let grouped = |size: usize| {
                chars
                    .chunks(size)
                    .map(|c| c.iter().collect::<String>())
                    .collect::<Vec<_>>()
                    .join(separator)
            };
            let text = match way {
                0 | 1 => number.clone(),
                2 => grouped(4),
                3 => grouped(1),
                4 => chars
                    .iter()
                    .map(|c| char::from_u32(*c as u32 + 0xfee0).unwrap())
                    .collect(),
                _ => chars
                    .iter()
                    .enumerate()
                    .map(|(i, c)| {
                        if i == 3 {
                            format!("{separator}{c}")
                        } else {
                            c.to_string()
                        }
                    })
                    .collect(),
            };
            (number, text)
        })
}

/// Text around, whose ends are no digits or letters.
fn around() -> impl Strategy<Value = String> {
    "[我要投诉话费，。！ a-z]{0,12}(，|：|号|是| )"
}

/// Digits and letters of a text in half width: what is left of a number in any spelling.
fn bare(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap(),
            c => c,
        })
        .filter(|c| c.is_ascii_alphanumeric() || *c == '@')
        .collect()
}

proptest! {
    #[test]
    fn any_text_is_survived_and_masking_twice_is_masking_once(text in "\\PC{0,60}") {
        let once = masked(&text);
        prop_assert_eq!(masked(&once), once);
    }

    #[test]
    fn digits_in_any_order_are_survived(
        text in "([0-9０-９]{1,13}|[ \\-－()（）+＋.@Xx]|先生|女士|[王陈欧阳的谢a-z]){0,24}"
    ) {
        let once = masked(&text);
        prop_assert_eq!(masked(&once), once);
    }

    #[test]
    fn planted_mobiles_are_gone((number, text) in written(mobile_number()), a in around(), b in around()) {
        let out = masked(&format!("{a}{text}{b}"));
        prop_assert!(!bare(&out).contains(&number), "{}", out);
        prop_assert!(out.contains("〔手机号〕"), "{}", out);
    }

    #[test]
    fn planted_ids_are_gone((number, text) in written(id_number()), a in around(), b in "[，。我的费]{1,8}") {
        let out = masked(&format!("{a}{text}{b}"));
        prop_assert!(!bare(&out).contains(&number), "{}", out);
    }

    #[test]
    fn planted_cards_are_gone((number, text) in written(card_number()), a in around(), b in around()) {
        let out = masked(&format!("{a}{text}{b}"));
        prop_assert!(!bare(&out).contains(&number), "{}", out);
    }

    #[test]
    fn planted_addresses_are_gone(
        user in "[a-z][a-z0-9._]{0,9}[a-z0-9]", host in "[a-z0-9]{2,8}", tld in "(com|cn|com\\.cn|net)",
        a in "[我要投诉话费，。！ ]{0,12}", b in "[我要投诉话费，。！ ]{0,12}",
    ) {
        let address = format!("{user}@{host}.{tld}");
        let out = masked(&format!("{a}{address}{b}"));
        prop_assert!(!out.contains('@') && !out.contains(&user), "{}", out);
    }

    #[test]
    fn planted_names_are_gone(at in 0usize..USUAL, h in 0usize..4, a in "(请联系|投诉|，|麻烦|我找)") {
        let name = SURNAMES.chars().nth(at).unwrap();
        let text = format!("{a}{name}{}回电", HONORIFICS[h]);
        prop_assert_eq!(masked(&text), format!("{a}〔姓氏〕{}回电", HONORIFICS[h]));
    }
}
