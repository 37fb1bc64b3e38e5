import { fireEvent, render } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { useKeys } from "./use-keys";

function Page(props: { onNext: () => void }) {
  useKeys({ j: props.onNext });
  return (
    <>
      <input aria-label="text" />
      <a href="/somewhere">an issue</a>
    </>
  );
}

test("a single key acts on the page, and not while somebody types or with a modifier", () => {
  const next = vi.fn();
  const { getByLabelText, getByText, unmount } = render(<Page onNext={next} />);
  fireEvent.keyDown(document.body, { key: "j" });
  fireEvent.keyDown(getByText("an issue"), { key: "j" });
  expect(next).toHaveBeenCalledTimes(2);
  fireEvent.keyDown(getByLabelText("text"), { key: "j" });
  fireEvent.keyDown(document.body, { key: "j", ctrlKey: true });
  fireEvent.keyDown(document.body, { key: "q" });
  expect(next).toHaveBeenCalledTimes(2);
  unmount();
  fireEvent.keyDown(document.body, { key: "j" });
  expect(next).toHaveBeenCalledTimes(2);
});
