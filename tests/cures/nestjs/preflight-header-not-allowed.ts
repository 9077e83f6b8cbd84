// The page sends my-custom-header since last week.

import "reflect-metadata";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { WebSocketGateway } from "@nestjs/websockets";

// --- the mistake
@WebSocketGateway({
  cors: {
    origin: "http://localhost:5173",
    allowedHeaders: ["Content-Type"]
  }
})
// --- the end of it
export class EventsGateway {}

@Module({ providers: [EventsGateway] })
class AppModule {}

async function bootstrap() {
  const app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(process.env.PORT ?? 3000);
}
bootstrap();
