//! Reading owner rules, with the place of everything that cannot be read.

use super::{Fault, Named, Rule};
use crate::organisation::{Bilingual, is_email};

/// Most characters of all rules together.
pub const LONGEST_TEXT: usize = 100_000;
/// Most rules.
pub const MOST_RULES: usize = 500;
/// Most values of a condition.
const MOST_VALUES: usize = 50;
/// Most characters of a value.
const LONGEST_VALUE: usize = 240;
/// Most faults that are told at once.
const MOST_FAULTS: usize = 50;

struct Line<'a> {
    characters: Vec<char>,
    at: usize,
    number: usize,
    text: &'a str,
}

/// What stands between spaces.
enum Token {
    Arrow,
    All,
    Field { name: Named, values: Vec<Named> },
}

fn is_colon(c: char) -> bool {
    matches!(c, ':' | '：')
}

fn is_comma(c: char) -> bool {
    matches!(c, ',' | '，' | '、')
}

/// What closes a text that `c` opens.
fn closing(c: char) -> Option<&'static [char]> {
    match c {
        '"' => Some(&['"']),
        '“' | '”' => Some(&['”', '“']),
        '「' => Some(&['」']),
        _ => None,
    }
}

impl Line<'_> {
    fn fault(&self, column: usize, code: &'static str, zh: &str, en: &str) -> Fault {
        Fault {
            line: self.number,
            column,
            code,
            detail: Bilingual::new(zh, en),
        }
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn column(&self) -> usize {
        self.at + 1
    }

    /// The next token; `None`: the line ends here.
    fn token(&mut self) -> Result<Option<Token>, Fault> {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        match self.peek() {
            None | Some('#') => return Ok(None),
            Some('→') => {
                self.at += 1;
                return Ok(Some(Token::Arrow));
            }
            Some('-') if self.characters.get(self.at + 1) == Some(&'>') => {
                self.at += 2;
                return Ok(Some(Token::Arrow));
            }
            Some('*')
                if self
                    .characters
                    .get(self.at + 1)
                    .is_none_or(|c| c.is_whitespace() || matches!(c, '-' | '→')) =>
            {
                self.at += 1;
                return Ok(Some(Token::All));
            }
            Some(_) => {}
        }
        let column = self.column();
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_alphabetic() || *c == '_') {
            name.push(c.to_ascii_lowercase());
            self.at += 1;
        }
        if name.is_empty() || !self.peek().is_some_and(is_colon) {
            return Err(self.fault(
                column,
                "unexpected",
                "这里应为「条件:值」、「*」或「->」",
                "expected a condition like topic:…, * or ->",
            ));
        }
        self.at += 1;
        let mut values = vec![self.value()?];
        while self.peek().is_some_and(is_comma) {
            self.at += 1;
            values.push(self.value()?);
        }
        if values.len() > MOST_VALUES {
            return Err(self.fault(
                column,
                "too_many",
                "一个条件最多 50 个值",
                "at most 50 values in a condition",
            ));
        }
        Ok(Some(Token::Field {
            name: Named { text: name, column },
            values,
        }))
    }

    fn value(&mut self) -> Result<Named, Fault> {
        let column = self.column();
        let mut text = String::new();
        if let Some(ends) = self.peek().and_then(closing) {
            self.at += 1;
            loop {
                let Some(c) = self.peek() else {
                    return Err(self.fault(
                        column,
                        "unclosed_quote",
                        "引号没有结束",
                        "the quote does not end",
                    ));
                };
                self.at += 1;
                if ends.contains(&c) {
                    break;
                }
                text.push(c);
            }
            // A quoted topic may go on: "快递 配送"/*
            while let Some(c) = self.bare() {
                text.push(c);
            }
        } else {
            while let Some(c) = self.bare() {
                text.push(c);
            }
        }
        let text = text.trim().to_owned();
        if text.is_empty() {
            return Err(self.fault(
                column,
                "missing_value",
                "冒号或逗号后面缺少值",
                "a value is missing behind the colon or comma",
            ));
        }
        if text.chars().count() > LONGEST_VALUE {
            return Err(self.fault(
                column,
                "too_long",
                "一个值最多 240 个字",
                "a value has at most 240 characters",
            ));
        }
        Ok(Named { text, column })
    }

    fn bare(&mut self) -> Option<char> {
        let c = self.peek()?;
        let arrow = c == '→' || (c == '-' && self.characters.get(self.at + 1) == Some(&'>'));
        if c.is_whitespace() || is_comma(c) || arrow || closing(c).is_some() {
            return None;
        }
        self.at += 1;
        Some(c)
    }

    fn one(&self, name: &Named, values: Vec<Named>) -> Result<Named, Fault> {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (Some(one), None) => Ok(one),
            _ => Err(self.fault(
                name.column,
                "too_many",
                "箭头后面每项只能有一个值",
                "one value only behind the arrow",
            )),
        }
    }

    /// The rule of this line; `None`: it is empty or a comment.
    fn rule(&mut self) -> Result<Option<Rule>, Fault> {
        let mut rule = Rule {
            line: self.number,
            text: self.text.trim().to_owned(),
            topics: Vec::new(),
            regions: Vec::new(),
            channels: Vec::new(),
            causes: Vec::new(),
            department: Named {
                text: String::new(),
                column: 1,
            },
            owner: None,
        };
        let (mut any, mut all, mut arrow) = (false, false, false);
        while let Some(token) = self.token()? {
            any = true;
            match token {
                Token::Arrow if arrow => {
                    return Err(self.fault(
                        self.column(),
                        "unexpected",
                        "一行只能有一个箭头",
                        "one arrow in a line",
                    ));
                }
                Token::Arrow => arrow = true,
                Token::All if arrow => {
                    return Err(self.fault(
                        self.column() - 1,
                        "unexpected",
                        "箭头后面不能用「*」",
                        "no * behind the arrow",
                    ));
                }
                Token::All => all = true,
                Token::Field { name, values } => {
                    let twice = |present: bool| {
                        if present {
                            Err(self.fault(
                                name.column,
                                "duplicate",
                                "这一项写了两次，多个值用逗号分开",
                                "this stands here twice: put commas between several values",
                            ))
                        } else {
                            Ok(())
                        }
                    };
                    match (name.text.as_str(), arrow) {
                        ("topic", false) => {
                            twice(!rule.topics.is_empty())?;
                            rule.topics = values;
                        }
                        ("region", false) => {
                            twice(!rule.regions.is_empty())?;
                            rule.regions = values;
                        }
                        ("channel", false) => {
                            twice(!rule.channels.is_empty())?;
                            rule.channels = values;
                        }
                        ("cause", false) => {
                            twice(!rule.causes.is_empty())?;
                            rule.causes = values;
                        }
                        ("department", true) => {
                            twice(!rule.department.text.is_empty())?;
                            rule.department = self.one(&name, values)?;
                        }
                        ("owner", true) => {
                            twice(rule.owner.is_some())?;
                            let owner = self.one(&name, values)?;
                            let email = owner.text.to_lowercase();
                            if !is_email(&email) {
                                return Err(self.fault(
                                    owner.column,
                                    "bad_address",
                                    "这里应为邮箱地址",
                                    "expected an e-mail address",
                                ));
                            }
                            rule.owner = Some(Named {
                                text: email,
                                ..owner
                            });
                        }
                        (_, false) => {
                            return Err(self.fault(
                                name.column,
                                "unknown_field",
                                "条件只能是 topic、region、channel、cause",
                                "a condition is topic, region, channel or cause",
                            ));
                        }
                        (_, true) => {
                            return Err(self.fault(
                                name.column,
                                "unknown_field",
                                "箭头后面只能是 department、owner",
                                "behind the arrow stand department and owner",
                            ));
                        }
                    }
                }
            }
        }
        if !any {
            return Ok(None);
        }
        let end = self.text.trim_end().chars().count() + 1;
        if !arrow {
            return Err(self.fault(
                end,
                "missing_arrow",
                "缺少「-> department:部门」",
                "-> department:… is missing",
            ));
        }
        if rule.department.text.is_empty() {
            return Err(self.fault(
                end,
                "missing_department",
                "箭头后面缺少 department:部门",
                "department:… is missing behind the arrow",
            ));
        }
        if rule.matches_everything() != all {
            return Err(self.fault(
                1,
                "unexpected",
                if all {
                    "「*」表示所有情况，不能再写其他条件"
                } else {
                    "箭头前面缺少条件；所有情况请写「*」"
                },
                if all {
                    "* stands for everything: no other condition beside it"
                } else {
                    "a condition is missing before the arrow; write * for everything"
                },
            ));
        }
        Ok(Some(rule))
    }
}

/// Reads rules; or tells of every line that cannot be read, the first 50.
pub fn parse(text: &str) -> Result<Vec<Rule>, Vec<Fault>> {
    let whole = |code, zh: &str, en: &str| {
        vec![Fault {
            line: 1,
            column: 1,
            code,
            detail: Bilingual::new(zh, en),
        }]
    };
    if text.chars().count() > LONGEST_TEXT {
        return Err(whole(
            "too_long",
            "最多 100000 个字",
            "at most 100000 characters",
        ));
    }
    let (mut rules, mut faults) = (Vec::new(), Vec::new());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (n, text) in text.lines().enumerate() {
        let mut line = Line {
            characters: text.chars().collect(),
            at: 0,
            number: n + 1,
            text,
        };
        match line.rule() {
            Ok(rule) => rules.extend(rule),
            Err(fault) => faults.push(fault),
        }
        if faults.len() == MOST_FAULTS {
            break;
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    if rules.len() > MOST_RULES {
        return Err(whole("too_many", "最多 500 条规则", "at most 500 rules"));
    }
    Ok(rules)
}
