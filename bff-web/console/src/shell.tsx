import { useEffect, useRef } from 'preact/hooks';
import { signOut } from './api/session.ts';
import { useCluster } from './api/use-cluster.ts';
import { useFigures } from './api/use-figures.ts';
import { ComparePage } from './pages/compare-page.tsx';
import { MessagePage } from './pages/message-page.tsx';
import { NodePage } from './pages/node-page.tsx';
import { OverviewPage } from './pages/overview-page.tsx';
import { TopicPage } from './pages/topic-page.tsx';
import { TopicsPage } from './pages/topics-page.tsx';
import { ConnectionNote } from './parts/connection-note.tsx';
import { links, type Route, useRoute } from './route.ts';

const tabs = [
  { name: 'Overview', href: links.overview, pages: ['overview', 'node'] },
  { name: 'Topics', href: links.topics, pages: ['topics', 'topic', 'message'] },
  { name: 'Compare', href: links.compare, pages: ['compare'] },
];

/** Header, and the page that the address names. The cluster is followed from here, so that pages find it up to date. */
export function Shell() {
  const route = useRoute();
  const news = useCluster();
  const figures = useFigures();
  const main = useRef<HTMLElement>(null);
  const shown = JSON.stringify(route);
  const first = useRef(true);
  useEffect(() => {
    // After a change of page, the keyboard and a screen reader go on where it begins.
    if (!first.current) {
      // Scrolled into view by the browser, its top would be under the header.
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first.current = false;
  }, [shown]);
  return (
    <>
      <header class="bar">
        <button type="button" class="skip" onClick={() => main.current?.focus()}>
          Skip to content
        </button>
        <a class="brand" href={links.overview}>
          <Mark /> Grapevine
        </a>
        <nav aria-label="Pages">
          {tabs.map(({ name, href, pages }) => (
            <a key={name} href={href} aria-current={pages.includes(route.page) ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <ConnectionNote connection={news.connection} problem={news.problem} heardAt={news.heardAt} />
        <button type="button" class="quiet" onClick={() => signOut()}>
          Sign out
        </button>
      </header>
      <main ref={main} id="main" tabIndex={-1}>
        <Page route={route} news={news} figures={figures} />
      </main>
    </>
  );
}

interface PageProps {
  readonly route: Route;
  readonly news: ReturnType<typeof useCluster>;
  readonly figures: ReturnType<typeof useFigures>;
}

function Page({ route, news, figures }: PageProps) {
  switch (route.page) {
    case 'overview':
      return <OverviewPage news={news} figures={figures} />;
    case 'node':
      return <NodePage key={route.name} name={route.name} cluster={news.cluster} />;
    case 'topics':
      return <TopicsPage />;
    case 'topic':
      return <TopicPage key={route.name} name={route.name} cluster={news.cluster} />;
    case 'message':
      return <MessagePage key={route.id} id={route.id} />;
    case 'compare':
      return <ComparePage a={route.a} b={route.b} cluster={news.cluster} />;
  }
}

/** Three grapes. */
function Mark() {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <circle cx="6" cy="7" r="4" />
      <circle cx="14" cy="7" r="4" />
      <circle cx="10" cy="14" r="4" />
    </svg>
  );
}
