// Command flyteidl is "flyteidl FILE": Flyte's own Go client reads FILE as flytectl does, and
// prints the user that the control plane accepted.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/flyteorg/flyte/flyteidl/clients/go/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"
	"github.com/flyteorg/flyte/flytestdlib/config"
	"github.com/flyteorg/flyte/flytestdlib/config/viper"
	"github.com/flyteorg/flyte/flytestdlib/logger"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = logger.SetConfig(&logger.Config{Level: logger.PanicLevel})
	user, err := ask(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("accepted as %q\n", user)
}

func ask(ctx context.Context, file string) (user string, err error) {
	if err := viper.NewAccessor(config.Options{StrictMode: true, SearchPaths: []string{file}}).UpdateConfig(ctx); err != nil {
		return "", err
	}
	clients, err := admin.ClientSetBuilder().WithConfig(admin.GetConfig(ctx)).Build(ctx)
	if err != nil {
		return "", err
	}
	info, err := clients.IdentityClient().UserInfo(ctx, &service.UserInfoRequest{})
	return info.GetSubject(), err
}
