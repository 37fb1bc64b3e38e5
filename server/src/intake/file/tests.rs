use super::*;
use encoding_rs::{GB18030, GBK};
use std::io::Write;

fn open(bytes: impl Into<Vec<u8>>, name: &str) -> Reader {
    with(
        bytes,
        name,
        &Options {
            channel: Some("hotline".to_owned()),
            ..Options::default()
        },
    )
    .unwrap()
}

fn with(bytes: impl Into<Vec<u8>>, name: &str, options: &Options) -> Result<Reader, FileError> {
    Reader::open(Source::Bytes(bytes.into()), name, options)
}

fn rows(reader: &mut Reader) -> Vec<Result<Row, RejectedRow>> {
    reader.batch(usize::MAX).unwrap()
}

fn texts(reader: &mut Reader) -> Vec<String> {
    rows(reader)
        .into_iter()
        .map(|r| r.unwrap().incoming.text.unwrap_or_default())
        .collect()
}

const TABLE: &str = "工单编号,受理时间,工单内容,满意度\n\
    W1,2025/12/4 14:13,宽带断了两天没人修,不满意\n\
    W2,2025/12/4 15:20,\"师傅很准时,\n修好了\",5\n";

#[test]
fn one_table_in_every_encoding_and_packing() {
    let utf16 = |big: bool| -> Vec<u8> {
        std::iter::once(0xfeffu16)
            .chain(TABLE.encode_utf16())
            .flat_map(|u| {
                if big {
                    u.to_be_bytes()
                } else {
                    u.to_le_bytes()
                }
            })
            .collect()
    };
    let gzip = |bytes: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    let bom = [b"\xef\xbb\xbf", TABLE.as_bytes()].concat();
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("utf-8", TABLE.into()),
        ("utf-8", bom),
        ("utf-8", gzip(TABLE.as_bytes())),
        ("gb18030", GB18030.encode(TABLE).0.into_owned()),
        ("gb18030", GBK.encode(TABLE).0.into_owned()),
        ("utf-16le", utf16(false)),
        ("utf-16be", utf16(true)),
        ("utf-8", TABLE.replace('\n', "\r\n").into()),
        (
            "utf-8",
            TABLE.replace(',', ";").replace("准时;", "准时,").into(),
        ),
        (
            "utf-8",
            TABLE.replace(',', "\t").replace("准时\t", "准时,").into(),
        ),
    ];
    for (encoding, bytes) in files {
        let mut reader = open(bytes, "工单.csv");
        assert_eq!(reader.encoding(), encoding);
        let rows: Vec<Row> = rows(&mut reader).into_iter().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].row, 2);
        let second = &rows[1].incoming;
        assert_eq!(second.channel.as_deref(), Some("hotline"));
        assert_eq!(second.external_id.as_deref(), Some("W2"));
        assert_eq!(second.text.as_deref(), Some("师傅很准时,\n修好了"));
        assert_eq!(second.rating, Some(Scalar::from("5")));
        assert_eq!(
            reader.stats(),
            Stats {
                rows: 2,
                ..Stats::default()
            }
        );
    }
}

#[test]
fn lines_of_two_encodings_and_broken_characters() {
    let mut bytes = "时间,内容\n2025-12-04,流量没用完就扣费\n"
        .as_bytes()
        .to_vec();
    bytes.extend_from_slice(&GBK.encode("2025-12-05,短信收不到，已经重启过手机\n").0);
    bytes.extend_from_slice(b"2025-12-06,");
    bytes.extend_from_slice(&"信号一直不好，室内没有网络".as_bytes()[1..]);
    bytes.push(b'\n');
    let mut reader = open(bytes, "a.csv");
    let texts = texts(&mut reader);
    assert_eq!(
        texts[..2],
        ["流量没用完就扣费", "短信收不到，已经重启过手机"]
    );
    assert!(texts[2].ends_with("号一直不好，室内没有网络"));
    let stats = reader.stats();
    assert_eq!((stats.foreign_lines, stats.rejected), (1, 0));
    assert!(stats.replaced_characters >= 1);
}

#[test]
fn title_rows_and_ragged_rows() {
    let mut reader = open(
        "2025年12月热线工单明细,,\n导出人：管理员,,\n受理时间,工单内容,满意度\n\
         2025-12-04 10:00,套餐变更没有通知,1\n\
         2025-12-04 11:00,价格涨了,没有说明,2\n\
         2025-12-04 12:00,没有打分\n\
         残缺\n\
         a,b,c,d,e\n",
        "a.csv",
    );
    assert_eq!(reader.title_rows(), 2);
    assert_eq!(
        reader.preview(1)[0].incoming.text.as_deref(),
        Some("套餐变更没有通知")
    );
    let rows = rows(&mut reader);
    let text = |i: usize| rows[i].as_ref().unwrap().incoming.text.clone().unwrap();
    assert_eq!(
        (text(0), text(1), text(2)),
        (
            "套餐变更没有通知".into(),
            "价格涨了,没有说明".into(),
            "没有打分".into()
        )
    );
    let codes: Vec<(u64, &str)> = rows
        .iter()
        .filter_map(|r| r.as_ref().err())
        .map(|r| (r.row, r.code.as_str()))
        .collect();
    assert_eq!(codes, [(7, "too_few_columns"), (8, "too_many_columns")]);
    assert_eq!(
        reader.stats(),
        Stats {
            rows: 5,
            rejected: 2,
            repaired: 2,
            ..Stats::default()
        }
    );
}

#[test]
fn json_lines() {
    let mut reader = open(
        "{\"id\":\"a\",\"created_at\":\"2025-12-04T10:00:00+08:00\",\"text\":\"太慢\",\"rating\":2,\"lang\":\"zh\",\
         \"extra\":{\"版本\":\"4.5\",\"次数\":3}}\n\n{broken\n[1]\n{\"id\":\"b\",\"text\":\"好\",\"rating\":\"\"}\n",
        "a.jsonl",
    );
    let rows = rows(&mut reader);
    let first = &rows[0].as_ref().unwrap().incoming;
    assert_eq!(first.external_id.as_deref(), Some("a"));
    assert_eq!(first.rating, Some(Scalar::from("2")));
    assert_eq!(first.language.as_deref(), Some("zh"));
    let attributes = first.attributes.as_ref().unwrap();
    assert_eq!(
        (attributes["版本"].as_str(), attributes["次数"].as_str()),
        ("4.5", "3")
    );
    let refused: Vec<(u64, &str)> = rows
        .iter()
        .filter_map(|r| r.as_ref().err())
        .map(|r| (r.row, r.code.as_str()))
        .collect();
    assert_eq!(refused, [(3, "bad_json"), (4, "bad_json")]);
    assert_eq!(rows[3].as_ref().unwrap().incoming.rating, None);
}

#[test]
fn unknown_columns_become_attributes_when_asked() {
    let options = Options {
        channel: Some("app".to_owned()),
        mapping: mapping::Options {
            attributes: true,
            ..mapping::Options::default()
        },
        ..Options::default()
    };
    let mut reader = with("内容,门店\n排队太久,城西店\n", "a.csv", &options).unwrap();
    let row = rows(&mut reader).remove(0).unwrap();
    assert_eq!(row.incoming.attributes.unwrap()["门店"], "城西店");
    let reader = open("内容,门店\n排队太久,城西店\n", "a.csv");
    assert!(
        reader
            .mapping()
            .warnings
            .iter()
            .any(|w| w.code == "column_ignored" && w.detail.contains("门店"))
    );
}

#[test]
fn limits_and_foreign_formats() {
    let refuse =
        |bytes: &[u8], options: &Options| with(bytes, "a.csv", options).err().unwrap().code();
    let usual = Options::default();
    assert_eq!(refuse(b"", &usual), "empty_file");
    assert_eq!(refuse(b" \n \n", &usual), "empty_file");
    assert_eq!(refuse(b"%PDF-1.7", &usual), "unsupported_format");
    assert_eq!(
        refuse(b"<html><table></table></html>", &usual),
        "unsupported_format"
    );
    assert_eq!(refuse(b"[\n{\"a\":1}]", &usual), "unsupported_format");
    assert_eq!(refuse(b"PK\x03\x04 nothing", &usual), "broken_workbook");
    let explicit = [("没有".to_owned(), "text".to_owned())].into();
    let wrong = Options {
        mapping: mapping::Options {
            explicit,
            ..Default::default()
        },
        ..Options::default()
    };
    assert_eq!(refuse("内容\n好\n".as_bytes(), &wrong), "bad_mapping");
    // A gzip bomb ends with an error, not with memory.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all("内容\n".as_bytes()).unwrap();
    for _ in 0..2_000 {
        bomb.write_all(&[b'a'; 1_000]).unwrap();
        bomb.write_all(b"\n").unwrap();
    }
    let options = Options {
        max_bytes: 1 << 20,
        ..Options::default()
    };
    let mut reader = with(bomb.finish().unwrap(), "a.csv.gz", &options).unwrap();
    assert_eq!(
        reader.batch(usize::MAX).unwrap_err().code(),
        "unreadable_file"
    );
    // A line without end costs itself only.
    let long = format!("内容,评分\n{},5\n太贵,2\n", "长".repeat(MAX_LINE / 2));
    let rows = rows(&mut open(long, "a.csv"));
    assert_eq!(rows[0].as_ref().unwrap_err().code, "line_too_long");
    assert_eq!(
        rows[1].as_ref().unwrap().incoming.text.as_deref(),
        Some("太贵")
    );
}

#[test]
fn rejected_rows_as_a_file_that_is_safe_to_open() {
    let mut out = Vec::new();
    let mut writer = RejectedWriter::new(&mut out, &["内容".to_owned()]).unwrap();
    writer
        .write(&RejectedRow {
            row: 7,
            code: "empty".to_owned(),
            detail: "=1+1".to_owned(),
            raw: vec!["@SUM(A1) 电话13800138000".to_owned()],
        })
        .unwrap();
    writer.finish().unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "\u{feff}row,code,detail,内容\n7,empty,'=1+1,'@SUM(A1) 电话〔手机号〕\n"
    );
}

// ---------------------------------------------------------------- workbooks

/// A zip archive of `parts`, packed with deflate.
fn zip(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in parts {
        let mut crc = flate2::Crc::new();
        crc.update(data);
        let mut packed =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(data).unwrap();
        let packed = packed.finish().unwrap();
        let mut common = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
        common.extend(crc.sum().to_le_bytes());
        common.extend((packed.len() as u32).to_le_bytes());
        common.extend((data.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend((out.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(packed);
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((parts.len() as u16).to_le_bytes());
    out.extend((parts.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// A workbook with an empty first sheet and a second one whose rows are `rows` (XML).
fn workbook(rows: &str) -> Vec<u8> {
    let sheet = |rows: &str| {
        format!(
            "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{rows}</sheetData>\
             <mergeCells count=\"1\"><mergeCell ref=\"A1:D1\"/></mergeCells></worksheet>"
        )
    };
    let (one, two) = (sheet(""), sheet(rows));
    zip(&[
        (
            "[Content_Types].xml",
            br#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>"#,
        ),
        (
            "_rels/.rels",
            br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
        ),
        (
            "xl/workbook.xml",
            r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="封面" sheetId="1" r:id="r1"/><sheet name="明细" sheetId="2" r:id="r2"/></sheets></workbook>"#.as_bytes(),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet2.xml"/><Relationship Id="r3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#,
        ),
        (
            "xl/styles.xml",
            br#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="22"/><xf numFmtId="21"/></cellXfs></styleSheet>"#,
        ),
        ("xl/worksheets/sheet1.xml", one.as_bytes()),
        ("xl/worksheets/sheet2.xml", two.as_bytes()),
    ])
}

fn text_cell(at: &str, text: &str) -> String {
    format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

#[test]
fn a_workbook_with_title_dates_and_durations() {
    let mut xml = format!(
        "<row r=\"1\">{}</row><row r=\"2\">",
        text_cell("A1", "十二月工单")
    );
    for (at, header) in [
        ("A2", "受理时间"),
        ("B2", "工单内容"),
        ("C2", "通话时长"),
        ("D2", "满意度"),
    ] {
        xml.push_str(&text_cell(at, header));
    }
    xml.push_str("</row>");
    // 45995.592615740738 = 2025-12-04 14:13:22; 205 s = 0.00237268518518519 of a day.
    xml.push_str(&format!(
        "<row r=\"4\"><c r=\"A4\" s=\"1\"><v>45995.592615740738</v></c>{}<c r=\"C4\" s=\"2\"><v>0.00237268518518519</v></c><c r=\"D4\"><v>2</v></c></row>",
        text_cell("B4", "宽带太慢")
    ));
    xml.push_str(&format!(
        "<row r=\"5\"><c r=\"A5\"><v>45996</v></c>{}</row>",
        text_cell("B5", "账单看不懂")
    ));
    let mut reader = open(workbook(&xml), "工单.xlsx");
    assert_eq!((reader.format().name(), reader.title_rows()), ("xlsx", 1));
    let rows: Vec<Row> = rows(&mut reader).into_iter().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    let first = &rows[0];
    assert_eq!(first.row, 4);
    assert_eq!(
        first.incoming.occurred_at,
        Some(Scalar::from("2025-12-04 14:13:22"))
    );
    assert_eq!(first.incoming.talk_seconds, Some(Scalar::from("00:03:25")));
    assert_eq!(first.incoming.rating, Some(Scalar::from("2")));
    // A day number in a cell without a date format is text here; the domain reads it.
    let rules = domain::intake::Rules::new(chrono_tz::Asia::Shanghai, &|b| b.len().to_string());
    let now = "2025-12-10T00:00:00Z".parse().unwrap();
    let voice = domain::intake::normalise(rows[1].incoming.clone(), &rules, now).unwrap();
    assert_eq!(voice.day.unwrap().to_string(), "2025-12-05");
}

#[test]
fn workbook_bombs_are_found_before_they_go_off() {
    let big = vec![b' '; 4 << 20];
    let bomb = zip(&[("xl/workbook.xml", &big)]);
    assert!(bomb.len() < 64 << 10);
    let options = Options {
        max_bytes: 1 << 20,
        ..Options::default()
    };
    assert_eq!(
        with(bomb, "a.xlsx", &options).err().unwrap().code(),
        "file_too_large"
    );
    let options = Options {
        max_workbook_bytes: 100,
        ..Options::default()
    };
    assert_eq!(
        with(workbook(""), "a.xlsx", &options).err().unwrap().code(),
        "file_too_large"
    );
    assert_eq!(
        with(workbook(""), "a.xlsx", &Options::default())
            .err()
            .unwrap()
            .code(),
        "broken_workbook"
    );
}

// ---------------------------------------------------------------- real files

/// Real exports that may not be published. Where they lie: `BIHUAN_SHARED`, else beside the
/// repository.
#[test]
fn real_exports() {
    let root = std::env::var_os("BIHUAN_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")),
        PathBuf::from,
    );
    let mut seen = 0;
    for (file, total, refused) in [
        ("hotel_reviews_gb18030.csv", 3_000, 0..=0),
        ("google_play_export.csv", 2_000, 0..=0),
        ("gov_messages_600.xlsx", 600, 0..=0),
        // Really broken: cut characters and cut rows.
        ("jd_mixed_broken_encoding.csv", 682, 1..=20),
    ] {
        let path = root.join("data/raw_samples").join(file);
        if !path.exists() {
            continue;
        }
        seen += 1;
        let options = Options {
            channel: Some("c".to_owned()),
            ..Options::default()
        };
        let mut reader = Reader::open(Source::Path(path), file, &options).unwrap();
        let rules = domain::intake::Rules::new(chrono_tz::Asia::Shanghai, &|b| b.len().to_string());
        let now = chrono::DateTime::<chrono::Utc>::from_timestamp(1_790_000_000, 0).unwrap();
        let (mut n, mut bad) = (0, 0);
        for row in rows(&mut reader) {
            n += 1;
            match row
                .ok()
                .and_then(|r| domain::intake::normalise(r.incoming, &rules, now).ok())
            {
                Some(voice) => {
                    assert!(
                        voice.day.is_some() && !voice.text.is_empty(),
                        "{file}, voice {n}"
                    );
                }
                None => bad += 1,
            }
        }
        assert!(
            n == total && refused.contains(&bad),
            "{file}: {n} rows, {bad} refused"
        );
    }
    if seen == 0 {
        let _ = writeln!(
            io::stderr(),
            "skipped: real_exports (no real files; set BIHUAN_SHARED)"
        );
    }
}
