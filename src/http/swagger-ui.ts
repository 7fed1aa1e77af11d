import type { Express } from 'express';
import swaggerUi from 'swagger-ui-express';

/** Scripts and styles of the Swagger UI, which are files and not operations of the contract. */
export function serveSwaggerUi(app: Express): void {
  app.use('/openapi-ui', ...swaggerUi.serve.slice(-1));
}
