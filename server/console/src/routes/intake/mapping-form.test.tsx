import { fireEvent, screen, within } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import type { ImportPreview } from "../../api/types";
import { show } from "../../test/fixtures";
import { FIELD_GROUPS, flaws, guessed, sampleRows, toMapping } from "./mapping";
import { MappingForm } from "./mapping-form";

const preview: ImportPreview = {
  file_name: "december.csv",
  format: "csv",
  encoding: "GB18030",
  title_rows: 2,
  columns: [
    { index: 0, header: "受理时间", field: "occurred_at", samples: ["2025/12/4 14:13"] },
    { index: 1, header: "工单内容", field: "text", samples: ["多扣了三十块"] },
    { index: 2, header: "备注", field: null, samples: ["已回访"] },
  ],
  rows_seen: 120,
  rows_preview: [{ occurred_at: "2025-12-04T14:13:00+08:00", text: "多扣了三十块" }],
  warnings: [{ code: "default_marks", detail: "92% of the marks are 5" }],
};

function choose(column: string, label: string) {
  fireEvent.mouseDown(screen.getByRole("combobox", { name: `${column}: 含义` }));
  const lists = document.querySelectorAll<HTMLElement>(
    ".ant-select-dropdown:not(.ant-select-dropdown-hidden)",
  );
  const open = lists[lists.length - 1];
  if (!open) throw new Error("no list opened");
  fireEvent.click(within(open).getByText(label));
}

test("the guess, the samples and the warnings are shown", () => {
  show(<MappingForm preview={preview} channels={[]} starting={false} onStart={() => {}} onBack={() => {}} />);
  expect(screen.getByText("受理时间")).toBeTruthy();
  expect(screen.getAllByText("多扣了三十块").length).toBeGreaterThan(0);
  expect(screen.getByText("92% of the marks are 5")).toBeTruthy();
  expect(screen.getByText("表头上方跳过了 2 行标题")).toBeTruthy();
});

test("a corrected column is what the server gets, and a column left out says so", () => {
  const onStart = vi.fn();
  show(<MappingForm preview={preview} channels={[]} starting={false} onStart={onStart} onBack={() => {}} />);
  choose("备注", "标题");
  expect(screen.getByText("已改")).toBeTruthy();
  choose("受理时间", "不导入");
  expect(screen.getByText("没有一列是发生时间。不指定日期的话，全部行都不参与统计。")).toBeTruthy();
  fireEvent.change(screen.getByLabelText("渠道"), { target: { value: "phone" } });
  fireEvent.click(screen.getByRole("button", { name: "开始导入" }));
  return vi.waitFor(() =>
    expect(onStart).toHaveBeenCalledWith({
      channel: "phone",
      mapping: { 受理时间: "ignore", 工单内容: "text", 备注: "title" },
    }),
  );
});

test("without a channel nothing starts", async () => {
  const onStart = vi.fn();
  show(<MappingForm preview={preview} channels={[]} starting={false} onStart={onStart} onBack={() => {}} />);
  fireEvent.click(screen.getByRole("button", { name: "开始导入" }));
  expect(await screen.findByText("请选择或填写渠道")).toBeTruthy();
  expect(onStart).not.toHaveBeenCalled();
});

test("two columns for one field are refused", () => {
  show(<MappingForm preview={preview} channels={[]} starting={false} onStart={() => {}} onBack={() => {}} />);
  choose("备注", "正文");
  expect(screen.getByText("“正文”对应了两列，只能留一列")).toBeTruthy();
  expect(screen.getByRole("button", { name: "开始导入" })).toHaveProperty("disabled", true);
});

test("a mapping needs something that says what the customer thinks", () => {
  expect(flaws({ 0: "occurred_at" })).toEqual([{ kind: "no_content" }]);
  expect(flaws({ 0: "rating" })).toEqual([]);
  expect(flaws({ 0: "text", 1: "text" })).toEqual([{ kind: "duplicate", field: "text" }]);
  expect(flaws({ 0: "text", 1: "attribute", 2: "attribute" })).toEqual([]);
});

test("the preview follows the mapping", () => {
  const choice = { ...guessed(preview.columns), 2: "title", 0: null };
  expect(sampleRows(preview.columns, choice)).toEqual({
    fields: ["text", "title"],
    rows: [["多扣了三十块", "已回访"]],
  });
  expect(toMapping(preview.columns, choice)).toEqual({ 受理时间: "ignore", 工单内容: "text", 备注: "title" });
});

test("no field is offered twice", () => {
  const fields = Object.values(FIELD_GROUPS).flat();
  expect(new Set(fields).size).toBe(fields.length);
});
