/** The mark: a loop that closes on itself, the arrow being the step back to the start. */
export function BrandMark(props: { size: number }) {
  return (
    <svg width={props.size} height={props.size} viewBox="0 0 32 32" aria-hidden="true">
      <path
        d="M22.5 9.2A9.6 9.6 0 1 0 25.6 16"
        fill="none"
        stroke="#8fd6c9"
        strokeWidth="3.2"
        strokeLinecap="round"
      />
      <path
        d="M26 5.4v5.6h-5.6"
        fill="none"
        stroke="#f0a068"
        strokeWidth="3.2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
