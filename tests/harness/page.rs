//! A person with a telephone: opens a page, sees its forms, fills in and presses the button.

use crate::http::{Caller, Part, Reply, form_encoded, multipart};

/// A form of a page.
#[derive(Clone, Debug)]
pub struct Form {
    /// What it does: the value of `data-action`.
    pub action: String,
    /// Where it goes; empty: to the page itself.
    pub target: String,
    /// `multipart/form-data`, or the default.
    pub encoding: String,
    /// Names and preset values, in order.
    pub fields: Vec<(String, String)>,
    /// Choices of its select elements: name and values.
    pub choices: Vec<(String, Vec<String>)>,
    /// Boxes that are not ticked: name and value.
    pub boxes: Vec<(String, String)>,
}

/// What a tag says: its attributes, names in lower case.
fn attributes(tag: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = tag
        .trim_start_matches('<')
        .trim_end_matches('>')
        .trim_end_matches('/');
    rest = rest
        .split_once(char::is_whitespace)
        .map_or("", |(_, rest)| rest);
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return out;
        }
        let end = rest
            .find(|c: char| c == '=' || c.is_whitespace())
            .unwrap_or(rest.len());
        let name = rest[..end].to_lowercase();
        rest = rest[end..].trim_start();
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (found, left) = match quote {
                Some(q) => after[1..].split_once(q).unwrap_or((&after[1..], "")),
                None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
            };
            value = unescaped(found);
            rest = left;
        }
        out.push((name, value));
    }
}

/// Text with its character references resolved.
#[must_use]
pub fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').filter(|end| *end < 12);
        let known = end.and_then(|end| {
            let name = &rest[1..end];
            let number = name
                .strip_prefix("#x")
                .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                .or_else(|| name.strip_prefix('#').and_then(|n| n.parse().ok()));
            match name {
                "amp" => Some('&'),
                "lt" => Some('<'),
                "gt" => Some('>'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                "nbsp" => Some('\u{a0}'),
                _ => number.and_then(char::from_u32),
            }
            .map(|c| (c, end))
        });
        match known {
            Some((c, end)) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

/// What a reader sees: no tags, no styles.
#[must_use]
pub fn visible(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let lower = rest.to_ascii_lowercase();
        let end = if lower.starts_with("<style") {
            lower.find("</style>").map(|e| e + 8)
        } else {
            rest.find('>').map(|e| e + 1)
        };
        rest = &rest[end.unwrap_or(rest.len())..];
        out.push(' ');
    }
    out.push_str(rest);
    let text = unescaped(&out);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn tags<'a>(html: &'a str, name: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let open = format!("<{name}");
    html.match_indices('<').filter_map(move |(at, _)| {
        let rest = &html[at..];
        let named = rest.len() > open.len()
            && rest.is_char_boundary(open.len())
            && rest[..open.len()].eq_ignore_ascii_case(&open)
            && rest[open.len()..].starts_with(|c: char| c.is_whitespace() || c == '>' || c == '/');
        let end = rest.find('>')?;
        named.then_some((at, &rest[..=end]))
    })
}

fn value<'a>(all: &'a [(String, String)], name: &str) -> Option<&'a str> {
    all.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

/// The forms of a page, by what they do.
#[must_use]
pub fn forms(html: &str) -> Vec<Form> {
    let mut found = Vec::new();
    for (at, tag) in tags(html, "form") {
        let all = attributes(tag);
        assert_eq!(
            value(&all, "method").map(str::to_lowercase).as_deref(),
            Some("post"),
            "{tag}"
        );
        let inside = &html[at + tag.len()..];
        let inside = &inside[..inside
            .to_ascii_lowercase()
            .find("</form>")
            .expect("the form ends")];
        let mut fields: Vec<(usize, String, String)> = Vec::new();
        let mut choices = Vec::new();
        let mut boxes = Vec::new();
        for (place, input) in tags(inside, "input") {
            let all = attributes(input);
            let kind = value(&all, "type").unwrap_or("text").to_lowercase();
            let Some(name) = value(&all, "name") else {
                continue;
            };
            let unchecked =
                matches!(kind.as_str(), "radio" | "checkbox") && value(&all, "checked").is_none();
            if unchecked {
                boxes.push((
                    name.to_owned(),
                    value(&all, "value").unwrap_or("on").to_owned(),
                ));
            } else if !matches!(kind.as_str(), "submit" | "button" | "file") {
                fields.push((
                    place,
                    name.to_owned(),
                    value(&all, "value").unwrap_or_default().to_owned(),
                ));
            }
        }
        for (place, area) in tags(inside, "textarea") {
            let all = attributes(area);
            let Some(name) = value(&all, "name") else {
                continue;
            };
            let text = inside[place + area.len()..]
                .split("</textarea>")
                .next()
                .unwrap_or_default();
            fields.push((place, name.to_owned(), unescaped(text)));
        }
        for (place, select) in tags(inside, "select") {
            let all = attributes(select);
            let Some(name) = value(&all, "name") else {
                continue;
            };
            let body = inside[place..]
                .split("</select>")
                .next()
                .unwrap_or_default();
            let options: Vec<_> = tags(body, "option").map(|(_, o)| attributes(o)).collect();
            let values: Vec<String> = options
                .iter()
                .map(|o| value(o, "value").unwrap_or_default().to_owned())
                .collect();
            let chosen = options
                .iter()
                .position(|o| value(o, "selected").is_some())
                .unwrap_or(0);
            fields.push((
                place,
                name.to_owned(),
                values.get(chosen).cloned().unwrap_or_default(),
            ));
            choices.push((name.to_owned(), values));
        }
        fields.sort();
        found.push(Form {
            action: value(&all, "data-action").unwrap_or_default().to_owned(),
            target: value(&all, "action").unwrap_or_default().to_owned(),
            encoding: value(&all, "enctype")
                .unwrap_or("application/x-www-form-urlencoded")
                .to_lowercase(),
            fields: fields.into_iter().map(|(_, n, v)| (n, v)).collect(),
            choices,
            boxes,
        });
    }
    found
}

/// An opened page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its path.
    pub path: String,
    /// The answer that brought it.
    pub reply: Reply,
}

impl Page {
    /// Opens the page of an action link; only its path counts, we know where the server is.
    #[must_use]
    pub fn open(caller: &Caller, link: &str) -> Self {
        let path = link.find("/a/").map_or(link, |at| &link[at..]).to_owned();
        let reply = caller.get(&path);
        Self { path, reply }
    }

    /// What a reader sees.
    #[must_use]
    pub fn visible(&self) -> String {
        visible(&self.reply.text())
    }

    /// What can be done.
    #[must_use]
    pub fn actions(&self) -> Vec<String> {
        forms(&self.reply.text())
            .into_iter()
            .map(|form| form.action)
            .collect()
    }

    /// The form that does `action`.
    #[must_use]
    pub fn form(&self, action: &str) -> Form {
        forms(&self.reply.text())
            .into_iter()
            .find(|form| form.action == action)
            .unwrap_or_else(|| {
                panic!(
                    "no form does {action}: {}\n{}",
                    self.reply.status,
                    self.reply.text()
                )
            })
    }

    /// Fills in the form that does `action` and presses its button, as a browser would; follows the
    /// redirect after it.
    #[must_use]
    pub fn submit(&self, caller: &Caller, action: &str, filled: &[(&str, &str)]) -> Self {
        self.press(caller, &self.form(action), filled)
    }

    /// The same with a form that was read before.
    #[must_use]
    pub fn press(&self, caller: &Caller, form: &Form, filled: &[(&str, &str)]) -> Self {
        let mut fields = form.fields.clone();
        for (name, value) in filled {
            if form.boxes.iter().any(|(n, v)| n == name && v == value) {
                fields.push(((*name).to_owned(), (*value).to_owned()));
                continue;
            }
            let field = fields.iter_mut().find(|(n, _)| n == name);
            let field = field.unwrap_or_else(|| {
                panic!("the form {} has no field {name}: {form:?}", form.action)
            });
            (*value).clone_into(&mut field.1);
        }
        let target = if form.target.is_empty() {
            self.path.clone()
        } else {
            form.target.clone()
        };
        let target = target
            .find("/a/")
            .map_or(target.as_str(), |at| &target[at..])
            .to_owned();
        let (content_type, body) = if form.encoding == "multipart/form-data" {
            let parts: Vec<Part<'_>> = fields
                .iter()
                .map(|(name, value)| Part {
                    name,
                    file_name: None,
                    content: value.as_bytes(),
                })
                .collect();
            multipart(&parts)
        } else {
            let pairs: Vec<String> = fields
                .iter()
                .map(|(n, v)| format!("{}={}", form_encoded(n), form_encoded(v)))
                .collect();
            (form.encoding.clone(), pairs.join("&").into_bytes())
        };
        // What a browser says of a form on the site's own page.
        let browser = caller.with("sec-fetch-site", "same-origin");
        let reply = browser.send("POST", &target, Some(&content_type), &body);
        if matches!(reply.status, 302 | 303)
            && let Some(next) = reply.header("location")
        {
            return Self::open(caller, next);
        }
        Self {
            path: self.path.clone(),
            reply,
        }
    }
}
