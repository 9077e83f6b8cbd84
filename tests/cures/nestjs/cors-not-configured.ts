// The gateway as `nest generate gateway events` makes it.

import "reflect-metadata";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { WebSocketGateway } from "@nestjs/websockets";

// --- the mistake
@WebSocketGateway()
// --- the end of it
export class EventsGateway {}

@Module({ providers: [EventsGateway] })
class AppModule {}

async function bootstrap() {
  const app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(process.env.PORT ?? 3000);
}
bootstrap();
