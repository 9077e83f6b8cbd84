// The page was told withCredentials; the gateway was not told of it.

import "reflect-metadata";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { WebSocketGateway } from "@nestjs/websockets";

// --- the mistake
@WebSocketGateway({
  cors: {
    origin: "http://localhost:5173"
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
