/** Two slopes and what shines between them. Decorative: the name stands beside it. */
export function Logo() {
  return (
    <svg width="28" height="28" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <circle cx="16" cy="10.5" r="3.5" fill="var(--accent-ink)" />
      <path d="M4 10.5 16 25 28 10.5V24a4 4 0 0 1-4 4H8a4 4 0 0 1-4-4Z" fill="var(--accent-ink)" opacity="0.92" />
    </svg>
  )
}
