import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import "../../i18n";
import { PreviewedRecords } from "./preview-drawer";

test("what comes in and what would be refused stand apart, with the words of the source", () => {
  const { container } = render(
    <PreviewedRecords
      seen={{
        items: [{ external_id: "a1", text: "套餐资费说不清楚", rating: { number: 2 } }],
        rejected: [{ external_id: "a2", code: "mapping.no_id", detail: "no id", raw: '{"id":null}' }],
      }}
    />,
  );
  expect(container.querySelectorAll('[data-preview="item"]')).toHaveLength(1);
  expect(container.querySelectorAll('[data-preview="rejected"]')).toHaveLength(1);
  expect(screen.getByText("套餐资费说不清楚")).toBeTruthy();
  expect(screen.getByText('{"number":2}')).toBeTruthy();
  expect(screen.getByText("mapping.no_id")).toBeTruthy();
  expect(screen.getByText('{"id":null}')).toBeTruthy();
});
