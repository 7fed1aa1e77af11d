import compression from 'compression';
import express, { type NextFunction, type Request, type Response, type Router } from 'express';
import swaggerUi, { type SwaggerUiOptions } from 'swagger-ui-express';
import type { Raw } from '../contract/handler';

const BASE = '/openapi-ui';

/** The files that the page loads. The package contains others, which are not served. */
const FILES = [
  '/swagger-ui.css',
  '/swagger-ui-bundle.js',
  '/swagger-ui-standalone-preset.js',
  '/swagger-ui-init.js',
  '/favicon-16x16.png',
  '/favicon-32x32.png',
];

const OPTIONS: SwaggerUiOptions = {
  customSiteTitle: 'HyperFleet API',
  // Without it the page would have the style `undefined`.
  customCss: '',
  swaggerUrl: '/openapi',
  swaggerOptions: {
    // Hides the bar at the top, which serves only to open other documents.
    layout: 'BaseLayout',
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: 'none',
  },
};

/** The page has several addresses, so its links must be absolute. */
const PAGE = swaggerUi.generateHTML(undefined, OPTIONS).replaceAll('"./', `"${BASE}/`);

/** Swagger UI sets style attributes and draws its arrows from data: URLs; the rest comes from the service. */
const PAGE_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
};

export function swaggerPage(): Raw {
  return { status: 200, contentType: 'text/html', content: PAGE, headers: PAGE_HEADERS };
}

/** Serves the scripts and styles of the page, which are files and not operations of the contract. */
export function swaggerUiFiles(): Router {
  const files = express.Router({ caseSensitive: true });
  files.use((req: Request, res: Response, next: NextFunction) => {
    if (!FILES.includes(req.path) || !['GET', 'HEAD'].includes(req.method)) {
      next('router');
      return;
    }
    // They would cause responses that the page has no use for: 206, 412 and 416.
    delete req.headers.range;
    delete req.headers['if-match'];
    delete req.headers['if-unmodified-since'];
    res.set('Cache-Control', 'public, max-age=3600');
    next();
  });
  files.use(compression(), ...swaggerUi.serveFiles(undefined, OPTIONS));
  return express.Router({ caseSensitive: true }).use(BASE, files);
}
