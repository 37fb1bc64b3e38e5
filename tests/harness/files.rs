//! Small files as Chinese exports come: GBK tables and spreadsheets, made by hand.

use flate2::Crc;
use std::fmt::Write as _;

/// A table as comma-separated values.
#[must_use]
pub fn csv(rows: &[Vec<String>]) -> String {
    let cell = |value: &String| {
        if value.contains([',', '"', '\n']) {
            format!("\"{}\"", value.replace('"', "\"\""))
        } else {
            value.clone()
        }
    };
    rows.iter()
        .map(|row| row.iter().map(cell).collect::<Vec<_>>().join(",") + "\r\n")
        .collect()
}

/// Text in GBK.
#[must_use]
pub fn gbk(text: &str) -> Vec<u8> {
    let (bytes, _, lossy) = encoding_rs::GBK.encode(text);
    assert!(!lossy, "not everything here can be written in GBK");
    bytes.into_owned()
}

/// A value of a spreadsheet's cell.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A number, also a date as Excel counts days.
    Number(f64),
}

/// A workbook of one sheet (ECMA-376, inline strings).
#[must_use]
pub fn xlsx(rows: &[Vec<Cell>]) -> Vec<u8> {
    const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
    let mut sheet = format!(
        "{HEAD}<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>"
    );
    for (r, row) in rows.iter().enumerate() {
        write!(sheet, "<row r=\"{}\">", r + 1).expect("a string");
        for (c, cell) in row.iter().enumerate() {
            let place = format!(
                "{}{}",
                char::from(b'A' + u8::try_from(c).expect("few columns")),
                r + 1
            );
            match cell {
                Cell::Text(text) if text.is_empty() => {}
                Cell::Text(text) => {
                    let text = text.replace('&', "&amp;").replace('<', "&lt;");
                    write!(
                        sheet,
                        "<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>"
                    )
                    .expect("a string");
                }
                Cell::Number(n) => {
                    write!(sheet, "<c r=\"{place}\"><v>{n}</v></c>").expect("a string")
                }
            }
        }
        sheet.push_str("</row>");
    }
    sheet.push_str("</sheetData></worksheet>");
    let types = format!(
        "{HEAD}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
         <Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/>\
         <Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/>\
         </Types>"
    );
    let relations = |target: &str, kind: &str| {
        format!(
            "{HEAD}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
             <Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}\" \
             Target=\"{target}\"/></Relationships>"
        )
    };
    let workbook = format!(
        "{HEAD}<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" \
         xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\">\
         <sheets><sheet name=\"Sheet1\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
    );
    zip(&[
        ("[Content_Types].xml", types.as_bytes()),
        (
            "_rels/.rels",
            relations("xl/workbook.xml", "officeDocument").as_bytes(),
        ),
        ("xl/workbook.xml", workbook.as_bytes()),
        (
            "xl/_rels/workbook.xml.rels",
            relations("worksheets/sheet1.xml", "worksheet").as_bytes(),
        ),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

/// An archive without compression (APPNOTE 4.3).
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    let short = |n: usize| u16::try_from(n).expect("small").to_le_bytes();
    let long = |n: usize| u32::try_from(n).expect("small").to_le_bytes();
    for (name, content) in files {
        let mut crc = Crc::new();
        crc.update(content);
        let mut common = Vec::new();
        // Version 2.0, no flags, stored, 1 January 2026.
        common.extend_from_slice(&[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x5c]);
        common.extend_from_slice(&crc.sum().to_le_bytes());
        common.extend_from_slice(&long(content.len()));
        common.extend_from_slice(&long(content.len()));
        common.extend_from_slice(&short(name.len()));
        common.extend_from_slice(&[0, 0]);
        let at = out.len();
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&common);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(content);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&long(at));
        directory.extend_from_slice(name.as_bytes());
    }
    let at = out.len();
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&short(files.len()));
    out.extend_from_slice(&short(files.len()));
    out.extend_from_slice(&long(directory.len()));
    out.extend_from_slice(&long(at));
    out.extend_from_slice(&[0, 0]);
    out
}
