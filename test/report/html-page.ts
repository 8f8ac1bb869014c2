/** One look for all reports, light and dark. */
const sharedStyle = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:0 auto;max-width:64rem;padding:1rem 1.25rem 4rem}
table{border-collapse:collapse;width:100%}
caption{text-align:left;font-weight:bold;padding:2.5rem 0 .5rem}
th,td{text-align:left;padding:.3em 1em .3em 0;border-bottom:1px solid #8884;font-weight:normal}
.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.met{color:light-dark(#1a7a2e,#6fd088)}
.missed{color:light-dark(#b3261e,#ff8a80)}
`;

/** A whole page that needs nothing from elsewhere. `body` is HTML, `style` what the page needs besides the usual. */
export function htmlPage(title: string, style: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${sharedStyle}${style}</style></head>
<body>
${body}
</body>
</html>
`;
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
