import type { RequestHandler } from 'express';

/** Everything is in the page itself, and the policy keeps it so: it talks to this server and nobody else. */
const policy = [
  "default-src 'none'",
  "script-src 'unsafe-inline' blob:",
  "style-src 'unsafe-inline'",
  'img-src data:',
  'font-src data:',
  'worker-src blob:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** What the page begins with: one operation of each kind. */
export const examples = `# Put your token into the headers below, then choose an operation to run.

query Topics {
  topics(first: 10) {
    edges { node { name count lastMessageAt } }
  }
}

query NewestMessages {
  messages(topic: "hello", last: 10) {
    edges { cursor node { id author body createdAt } }
    pageInfo { hasPreviousPage startCursor }
    consistencyToken
  }
}

mutation Publish {
  publish(input: { topic: "hello", body: "Hello from GraphiQL", acks: 2 }) {
    message { id origin seq }
    heldBy
    consistencyToken
  }
}

subscription Follow {
  messageAdded(topic: "hello") {
    message { author body }
    consistencyToken
  }
}
`;

/** Answers a browser that opens the GraphQL address with GraphiQL. The page is static and open; its requests need a token. */
export function graphiqlPage(endpoint: string): RequestHandler {
  return async (request, response, next) => {
    if (request.method !== 'GET' || request.accepts(['json', 'html']) !== 'html') return next();
    // Nine megabytes of text: loaded when somebody looks, not at every start.
    const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
    response.set('content-security-policy', policy);
    response.type('html').send(
      await renderGraphiQL({
        endpoint,
        title: 'Grapevine GraphiQL',
        defaultQuery: examples,
        headers: '{\n  "authorization": "Bearer "\n}',
      }),
    );
  };
}
