// A parent application that keeps the PARENT clauses, with nothing but Go's standard library.
//
// It fetches its tokens from TOKEN_ISSUER_URL, starts codex, logs in, does one turn, and answers
// refresh requests until codex ends.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"
)

const (
	refresh         = "account/chatgptAuthTokens/refresh"
	issuerPatience  = 5 * time.Second // codex waits 10 s for the answer
	echo            = 2 * time.Second // in which a further request is about the token before the last
	mostRefreshes   = 10              // within a minute
	longestLine     = 16 << 20
	cannotRefresh   = -32000
	unknownToParent = -32601
)

type object map[string]any

type tokens struct {
	AccessToken string `json:"access_token"`
	AccountID   string `json:"account_id"`
	PlanType    string `json:"plan_type"`
}

func (t tokens) shaped() object {
	return object{"accessToken": t.AccessToken, "chatgptAccountId": t.AccountID, "chatgptPlanType": t.PlanType}
}

// fetch gets new tokens of an account, or of the current one; its errors have no secret in them.
func fetch(account *string) (tokens, error) {
	ctx, cancel := context.WithTimeout(context.Background(), issuerPatience)
	defer cancel()
	body, _ := json.Marshal(object{"account": account})
	var found tokens
	request, err := http.NewRequestWithContext(ctx, "POST", os.Getenv("TOKEN_ISSUER_URL"), bytes.NewReader(body))
	if err != nil {
		return found, errors.New("TOKEN_ISSUER_URL is no URL")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return found, errors.New("the token issuer cannot be reached")
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return found, fmt.Errorf("the token issuer refuses with %d", response.StatusCode)
	}
	if json.NewDecoder(response.Body).Decode(&found) != nil || found.AccessToken == "" {
		return found, errors.New("the token issuer has no tokens")
	}
	return found, nil
}

// keeper has the newest tokens of one account: one rotation at a time, and the newest token wins.
type keeper struct {
	lock     sync.Mutex
	newest   tokens
	answered time.Time
	times    []time.Time
}

// fresh gives tokens that are newer than the ones that were rejected when the request came.
func (k *keeper) fresh(previous *string, asked time.Time) (tokens, error) {
	k.lock.Lock()
	defer k.lock.Unlock()
	if previous != nil && *previous != k.newest.AccountID {
		return tokens{}, errors.New("this is not the account that is logged in")
	}
	now := time.Now()
	for len(k.times) > 0 && now.Sub(k.times[0]) > time.Minute {
		k.times = k.times[1:]
	}
	if k.times = append(k.times, now); len(k.times) > mostRefreshes {
		return tokens{}, errors.New("the tokens are rejected again and again: log in anew")
	}
	if asked.Sub(k.answered) < echo {
		return k.newest, nil
	}
	found, err := fetch(&k.newest.AccountID)
	switch {
	case err != nil:
		return tokens{}, err
	case found.AccountID != k.newest.AccountID:
		return tokens{}, errors.New("the token issuer has tokens of another account")
	case found.AccessToken == k.newest.AccessToken:
		return tokens{}, errors.New("the token issuer has no newer tokens")
	}
	k.newest, k.answered = found, time.Now()
	return found, nil
}

type message struct {
	ID     json.RawMessage `json:"id"`
	Method *string         `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

type codex struct {
	keeper  *keeper
	writing sync.Mutex
	stdin   io.Writer
	lock    sync.Mutex
	pending map[string]chan message
	ended   chan struct{}
}

func (c *codex) send(what object) {
	line, _ := json.Marshal(what)
	c.writing.Lock()
	defer c.writing.Unlock()
	_, _ = c.stdin.Write(append(line, '\n')) // if codex has ended, the reader tells whoever waits
}

// read takes in messages and never waits for anything else. A message with a method is codex's own,
// whatever its id; one without is an answer.
func (c *codex) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		var m message
		if json.Unmarshal(lines.Bytes(), &m) != nil {
			continue
		}
		switch {
		case m.Method == nil:
			c.lock.Lock()
			waiting := c.pending[string(m.ID)]
			delete(c.pending, string(m.ID))
			c.lock.Unlock()
			if waiting != nil {
				waiting <- m
			}
		case *m.Method == refresh:
			go c.refresh(m, time.Now())
		case m.ID != nil:
			c.send(object{"id": m.ID, "error": object{"code": unknownToParent, "message": "not done here"}})
		}
	}
	close(c.ended)
}

// refresh answers one request, with tokens or with an error, in any case.
func (c *codex) refresh(m message, asked time.Time) {
	var params struct {
		PreviousAccountID *string `json:"previousAccountId"`
	}
	_ = json.Unmarshal(m.Params, &params)
	found, err := c.keeper.fresh(params.PreviousAccountID, asked)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot refresh:", err)
		c.send(object{"id": m.ID, "error": object{"code": cannotRefresh, "message": err.Error()}})
		return
	}
	c.send(object{"id": m.ID, "result": found.shaped()})
}

func (c *codex) call(id int, method string, params object) (json.RawMessage, error) {
	answer := make(chan message, 1)
	c.lock.Lock()
	c.pending[fmt.Sprint(id)] = answer
	c.lock.Unlock()
	c.send(object{"id": id, "method": method, "params": params})
	select {
	case m := <-answer:
		if m.Error != nil {
			return nil, fmt.Errorf("%s failed: %s", method, m.Error.Message)
		}
		return m.Result, nil
	case <-c.ended:
		return nil, fmt.Errorf("codex has ended before it answered %s", method)
	}
}

func (c *codex) converse() error {
	_, err := c.call(0, "initialize", object{
		"clientInfo":   object{"name": "example-parent", "title": "Example", "version": "1.0"},
		"capabilities": object{"experimentalApi": true},
	})
	if err != nil {
		return err
	}
	c.send(object{"method": "initialized"})
	login := c.keeper.newest.shaped()
	login["type"] = "chatgptAuthTokens"
	if _, err = c.call(1, "account/login/start", login); err != nil {
		return err
	}
	result, err := c.call(2, "thread/start", object{})
	if err != nil {
		return err
	}
	var started struct{ Thread struct{ ID string } }
	if err = json.Unmarshal(result, &started); err != nil {
		return err
	}
	input := []object{{"type": "text", "text": "Say hello."}}
	_, err = c.call(3, "turn/start", object{"threadId": started.Thread.ID, "input": input})
	return err
}

func run() error {
	newest, err := fetch(nil)
	if err != nil {
		return err
	}
	command := exec.Command(cmp.Or(os.Getenv("CODEX_BIN"), "codex"), "app-server")
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err = command.Start(); err != nil {
		return err
	}
	c := &codex{
		keeper:  &keeper{newest: newest},
		stdin:   stdin,
		pending: map[string]chan message{},
		ended:   make(chan struct{}),
	}
	go c.read(stdout)
	if err = c.converse(); err != nil {
		return err
	}
	<-c.ended
	return fmt.Errorf("codex has ended: %v", command.Wait())
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
