import { dirname } from 'node:path';
import compression from 'compression';
import type { Express, NextFunction, Request, Response } from 'express';
import type { Raw } from '../contract/handler';

/** The page has two addresses, so its files have absolute ones. */
const BASE = '/openapi-ui/';
const DIST = dirname(require.resolve('swagger-ui-dist/package.json'));
const FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** A file and not a part of the page: the page allows no inline script. */
const START = `SwaggerUIBundle({
  url: '/openapi',
  dom_id: '#swagger-ui',
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: 'none',
});
`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>HyperFleet API</title>
<link rel="icon" type="image/png" href="${BASE}favicon-32x32.png">
<link rel="stylesheet" href="${BASE}swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="${BASE}swagger-ui-bundle.js"></script>
<script src="${BASE}start.js"></script>
</body>
</html>
`;

/** Swagger UI sets style attributes and draws its arrows from data: URLs; everything else is ours. */
const PAGE_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
};

export function swaggerPage(): Raw {
  return { status: 200, contentType: 'text/html', content: PAGE, headers: PAGE_HEADERS };
}

/** Scripts and styles of the page, which are files and not operations of the contract. */
export function serveSwaggerUi(app: Express): void {
  const names = new Map([...FILES, 'start.js'].map((name) => [BASE + name, name]));
  const compress = compression();
  app.use((req: Request, res: Response, next: NextFunction) => {
    const name = names.get(req.path);
    if (name === undefined || !['GET', 'HEAD'].includes(req.method)) {
      next();
      return;
    }
    // These would have answers of their own: 206, 412 and 416.
    delete req.headers.range;
    delete req.headers['if-match'];
    delete req.headers['if-unmodified-since'];
    compress(req, res, () => {
      res.set('Cache-Control', 'public, max-age=3600');
      if (name === 'start.js') res.type('js').send(START);
      else res.sendFile(name, { root: DIST }, (error) => error && next(error));
    });
  });
}
